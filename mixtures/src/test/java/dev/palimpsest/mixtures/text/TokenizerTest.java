package dev.palimpsest.mixtures.text;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.mixtures.Golden;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {
  private static final String MODEL = "tokenizer/tiny.model";
  private static final String JSON = "tokenizer/tokenizer.json";

  private final Path folder;

  TokenizerTest(@TempDir Path folder) {
    this.folder = folder;
  }

  @ParameterizedTest
  @ValueSource(strings = {MODEL, JSON})
  void givesSentencePiecesIdsPiecesAndText(String file) {
    BpeTokenizer tokenizer = (BpeTokenizer) Tokenizer.load(Golden.file(file));
    JsonNode golden = Golden.json("tokenizer/cases.json");
    assertEquals(golden.path("vocab_size").intValue(), tokenizer.vocabularySize());
    assertEquals(80, golden.path("cases").size());
    for (JsonNode example : golden.path("cases")) {
      String text = example.path("text").textValue();
      int[] ids = tokenizer.encode(text);
      assertArrayEquals(Golden.ints(example.path("ids")), ids, () -> "ids of '" + text + "'");
      assertEquals(
          IntStream.range(0, ids.length)
              .mapToObj(i -> example.path("pieces").path(i).textValue())
              .toList(),
          Arrays.stream(ids).mapToObj(id -> tokenizer.pieces().get(id).text()).toList(),
          () -> "pieces of '" + text + "'");
      assertEquals(
          example.path("decoded").textValue(),
          tokenizer.decode(ids),
          () -> "decoded text of '" + text + "'");
    }
  }

  @Test
  void bothFileFormsAgreeOnEveryLineOfTheCorpus() throws IOException {
    Tokenizer model = Tokenizer.load(Golden.file(MODEL));
    Tokenizer json = Tokenizer.load(Golden.file(JSON));
    List<String> lines = Files.readAllLines(Golden.file("tokenizer/corpus.txt"));
    assertTrue(lines.size() > 1000);
    for (String line : lines) {
      int[] ids = model.encode(line);
      assertArrayEquals(ids, json.encode(line), line);
      assertEquals(line, model.decode(ids));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void bothFileFormsAgreeOnRandomText(long seed) {
    Tokenizer model = Tokenizer.load(Golden.file(MODEL));
    Tokenizer json = Tokenizer.load(Golden.file(JSON));
    String[] parts = {
      " ", "  ", "\n", "a", "the", "\u2581", "<loc0012>", "<loc", "é", "😀", "7", "<eos>"
    };
    Random random = new Random(seed);
    for (int i = 0; i < 2000; i++) {
      String text =
          random
              .ints(random.nextInt(20), 0, parts.length)
              .mapToObj(part -> parts[part])
              .collect(Collectors.joining());
      assertArrayEquals(model.encode(text), json.encode(text), text);
      assertEquals(text.replace('\u2581', ' '), model.decode(model.encode(text)));
    }
  }

  @Test
  void nearlyAMillionCharactersTakeNoQuadraticTime() {
    Tokenizer tokenizer = Tokenizer.load(Golden.file(MODEL));
    String text = "a red kite rests near the old mill 42 ".repeat(25_000);
    int[] ids = assertTimeoutPreemptively(Duration.ofSeconds(20), () -> tokenizer.encode(text));
    assertEquals(text, tokenizer.decode(ids));
  }

  @Test
  void decodingStopsAtTheFirstEndOfSequence() {
    Tokenizer tokenizer = Tokenizer.load(Golden.file(MODEL));
    int[] kite = tokenizer.encode("kite");
    int[] ids = Arrays.copyOf(kite, kite.length + 2);
    ids[kite.length] = Tokenizer.EOS;
    ids[kite.length + 1] = kite[0];
    assertEquals("kite", tokenizer.decode(ids));
  }

  @Test
  void bytesThatAreNoUtf8DecodeToReplacementCharactersOneEach() {
    Tokenizer tokenizer = Tokenizer.load(Golden.file(MODEL));
    int zero = 13; // id of <0x00>
    int[] ids = {zero + 0xe2, zero + 0x82, zero + 'x', zero + 0xe2, zero + 0x82, zero + 0xac};
    assertEquals("\uFFFD\uFFFDx\u20ac", tokenizer.decode(ids));
  }

  @Test
  void halfASurrogatePairBecomesTheReplacementCharacter() {
    Tokenizer tokenizer = Tokenizer.load(Golden.file(MODEL));
    assertEquals("a\uFFFDb", tokenizer.decode(tokenizer.encode("a\uD83Db")));
  }

  @Test
  void anIdBeyondTheVocabularyIsNoText() {
    Tokenizer tokenizer = Tokenizer.load(Golden.file(MODEL));
    assertEquals("", tokenizer.decode(new int[] {2152, 257_215}));
    var e = assertThrows(IllegalArgumentException.class, () -> tokenizer.decode(new int[] {-1}));
    assertSays(e, "-1");
  }

  @Test
  void unigramModelIsRefusedByName() throws IOException {
    byte[] bytes = Files.readAllBytes(Golden.file(MODEL));
    String latin = new String(bytes, StandardCharsets.ISO_8859_1);
    int vocabularySize = latin.indexOf("\u0018\u0002 "); // model_type 2, then vocab_size
    bytes[vocabularySize + 1] = 1;
    assertRefused(bytes, "model_type is UNIGRAM");
  }

  @Test
  void truncatedModelIsRefused() throws IOException {
    byte[] bytes = Files.readAllBytes(Golden.file(MODEL));
    assertRefused(Arrays.copyOf(bytes, bytes.length / 2), "truncated");
  }

  @Test
  void otherNormalizerInJsonIsRefused() throws IOException {
    String json = Files.readString(Golden.file(JSON)).replaceFirst("\"Replace\"", "\"NFKC\"");
    assertRefused(json.getBytes(StandardCharsets.UTF_8), "normalizer");
  }

  @Test
  void hubFilesAreReadWithStringMergesAndWithoutTheImagePlaceholder() throws IOException {
    ObjectNode json = (ObjectNode) Golden.json(JSON);
    ArrayNode merges = (ArrayNode) json.at("/model/merges");
    for (int i = 0; i < merges.size(); i++) {
      merges.set(i, merges.get(i).get(0).textValue() + " " + merges.get(i).get(1).textValue());
    }
    ((ArrayNode) json.get("added_tokens"))
        .addObject()
        .put("id", 2152)
        .put("content", "<image>")
        .put("normalized", false)
        .put("special", true);
    json.putObject("pre_tokenizer")
        .put("type", "Split")
        .put("behavior", "MergedWithPrevious")
        .putObject("pattern")
        .put("String", " ");
    Path file = Files.writeString(folder.resolve("tokenizer.json"), json.toString());
    Tokenizer hub = Tokenizer.load(file);
    Tokenizer model = Tokenizer.load(Golden.file(MODEL));
    assertEquals(2152, hub.vocabularySize());
    for (String text : List.of("a red kite <image> 12", "<loc0001>  <seg003>\n\nold mill")) {
      assertArrayEquals(model.encode(text), hub.encode(text), text);
    }
  }

  @Test
  void aFileThatIsNotThereIsNamed() {
    var e =
        assertThrows(
            java.io.UncheckedIOException.class,
            () -> Tokenizer.load(folder.resolve("nothing.model")));
    assertSays(e, "nothing.model");
  }

  private void assertRefused(byte[] bytes, String why) throws IOException {
    Path file = Files.write(folder.resolve("tokenizer"), bytes);
    var e = assertThrows(IllegalArgumentException.class, () -> Tokenizer.load(file));
    assertSays(e, why, file.toString());
  }
}
