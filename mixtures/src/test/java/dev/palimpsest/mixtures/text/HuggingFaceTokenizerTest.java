package dev.palimpsest.mixtures.text;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.mixtures.Golden;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Folders as transformers reads and writes them; the golden vocabulary has 2152 ids. */
class HuggingFaceTokenizerTest {
  private static final String MODEL = "tokenizer/tiny.model";
  private static final String JSON = "tokenizer/tokenizer.json";

  private final Path folder;

  HuggingFaceTokenizerTest(@TempDir Path folder) {
    this.folder = folder;
  }

  @ParameterizedTest
  @ValueSource(strings = {MODEL, JSON})
  void anExportHasAJsonFileThatEveryReleaseReads(String file) throws IOException {
    HuggingFaceTokenizer exported = HuggingFaceTokenizer.of(Golden.file(file));
    assertEquals(2152, exported.imageToken());
    write(exported);
    JsonNode json = Golden.json(folder.resolve("tokenizer.json"));
    JsonNode golden = Golden.json(JSON);
    JsonNode merges = json.at("/model/merges");
    assertEquals(golden.at("/model/merges").size(), merges.size());
    for (int i = 0; i < merges.size(); i++) {
      JsonNode pair = golden.at("/model/merges").get(i);
      assertEquals(pair.get(0).asText() + " " + pair.get(1).asText(), merges.get(i).textValue());
    }
    assertEquals("TemplateProcessing", json.at("/post_processor/type").asText());
    assertEquals("<bos>", json.at("/post_processor/single/0/SpecialToken/id").asText());
    assertEquals(2, json.at("/post_processor/special_tokens/<bos>/ids/0").asInt());
    JsonNode tokens = json.path("added_tokens");
    for (int id = 0; id < 4; id++) {
      assertEquals(id, tokens.get(id).path("id").asInt());
      assertTrue(tokens.get(id).path("special").asBoolean());
    }
    assertEquals("<image>", tokens.get(tokens.size() - 1).path("content").asText());
    JsonNode listed =
        Golden.json(folder.resolve("tokenizer_config.json")).path("added_tokens_decoder");
    assertEquals(tokens.size(), listed.size());
    assertEquals("<loc0000>", listed.path("1000").path("content").asText());

    Tokenizer original = Tokenizer.load(Golden.file(MODEL));
    Tokenizer read = Tokenizer.load(folder);
    for (String line : Files.readAllLines(Golden.file("tokenizer/corpus.txt"))) {
      assertArrayEquals(original.encode(line), read.encode(line), line);
    }
    assertEquals(2152, HuggingFaceTokenizer.of(folder.resolve("tokenizer.json")).imageToken());
  }

  @Test
  void tokensAddedAfterTheImageTokenAreAtomsAndStay() throws IOException {
    write(HuggingFaceTokenizer.of(Golden.file(MODEL)));
    ObjectNode json = (ObjectNode) Golden.json(folder.resolve("tokenizer.json"));
    ArrayNode added = (ArrayNode) json.get("added_tokens");
    added.addObject().put("id", 2153).put("content", "<thing>").put("normalized", true);
    added.addObject().put("id", 2154).put("content", "red kite").put("normalized", true);
    Path file = Files.writeString(folder.resolve("tokenizer.json"), json.toString());
    Tokenizer tokenizer = Tokenizer.load(folder);
    assertEquals(2155, tokenizer.vocabularySize());
    assertArrayEquals(new int[] {2153, 2154, 2153}, tokenizer.encode("<thing>red kite<thing>"));
    assertEquals("<thing>red kite", tokenizer.decode(new int[] {2153, 2152, 2154}));
    assertArrayEquals( // in a prompt it is text, wherever its id stands
        Tokenizer.load(Golden.file(MODEL)).encode("<image>"), tokenizer.encode("<image>"));
    HuggingFaceTokenizer again = HuggingFaceTokenizer.of(file);
    assertEquals(2152, again.imageToken());
    write(again);
    assertArrayEquals(new int[] {2154}, Tokenizer.load(folder).encode("red kite"));
  }

  @Test
  void tokensBesideTheVocabularyCount() throws IOException {
    Files.copy(Golden.file(MODEL), folder.resolve("tokenizer.model"));
    Files.writeString(
        folder.resolve("added_tokens.json"), "{\"<image>\": 2152, \"<thing>\": 2153}");
    Tokenizer tokenizer = Tokenizer.load(folder);
    assertEquals(2154, tokenizer.vocabularySize());
    assertArrayEquals(new int[] {2153}, tokenizer.encode("<thing>"));
    Files.writeString(folder.resolve("added_tokens.json"), "{\"<thing>\": 2155}"); // ids left out
    assertArrayEquals(new int[] {2155}, Tokenizer.load(folder).encode("<thing>"));
    Files.writeString(folder.resolve("added_tokens.json"), "{\"<thing>\": 1999999999}");
    var e = assertThrows(MalformedFileException.class, () -> Tokenizer.load(folder));
    assertSays(e, "id 2152 has no piece", "1999999999");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "version https://git-lfs.github.com/spec/v1\noid sha256:aaaa\nsize 4241003\n",
        "<html><body>404</body></html>",
        "",
        "[]",
        "{}",
        "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"[PAD]\": 0}}}",
        "{\"model\": {\"type\": \"Unigram\", \"vocab\": [[\"a\", -1.0]]}}",
        "{\"model\": {\"type\": \"BPE\", \"byte_fallback\": true, \"vocab\": {}, \"merges\": 5}}",
        "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 99999999999}}}",
        "{\"model\": [], \"added_tokens\": 7}",
        "{\"model\": {\"merges\": [5]}}",
        "{\"model\""
      })
  void whatIsNoUsableTokenizerIsRefusedInOneSentence(String content) throws IOException {
    Path file = Files.writeString(folder.resolve("tokenizer.json"), content);
    var e = assertThrows(MalformedFileException.class, () -> Tokenizer.load(file));
    String message = Objects.requireNonNull(e.getMessage());
    assertTrue(message.contains(file.toString()), message);
    assertEquals(1, message.lines().count(), message);
  }

  @Test
  void vocabulariesThatLackWhatGemmaHasAreRefused() throws IOException {
    List<Piece> whole = TokenizerFiles.read(Golden.file(MODEL)).pieces();
    List<Piece> withoutBytes =
        whole.stream().filter(piece -> piece.type() != Piece.Type.BYTE).toList();
    refused(withoutBytes, "<0x00> is missing");
    refused(whole.subList(1, whole.size()), "id 0 must be <pad>");
    refused(whole.subList(0, 1), "id 1 must be <eos>");
  }

  private void refused(List<Piece> pieces, String message) throws IOException {
    Path file = Files.write(folder.resolve("x.model"), SentencePieceFile.write(pieces));
    var e = assertThrows(MalformedFileException.class, () -> Tokenizer.load(file));
    assertSays(e, message, file.toString());
  }

  private void write(HuggingFaceTokenizer tokenizer) throws IOException {
    for (Map.Entry<String, byte[]> file : tokenizer.files().entrySet()) {
      Files.write(folder.resolve(file.getKey()), file.getValue());
    }
  }
}
