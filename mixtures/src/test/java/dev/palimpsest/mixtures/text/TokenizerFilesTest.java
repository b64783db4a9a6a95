package dev.palimpsest.mixtures.text;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.mixtures.Golden;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerFilesTest {
  private final Path folder;

  TokenizerFilesTest(@TempDir Path folder) {
    this.folder = folder;
  }

  @Test
  void whatWasWrittenTokenisesAsTheOriginal() throws IOException {
    BpeTokenizer original = (BpeTokenizer) Tokenizer.load(Golden.file("tokenizer/tiny.model"));
    TokenizerFiles.write(folder, original.pieces());
    BpeTokenizer model = (BpeTokenizer) Tokenizer.load(folder.resolve("tokenizer.model"));
    Tokenizer json = Tokenizer.load(folder.resolve("tokenizer.json"));
    assertEquals(original.pieces(), model.pieces());
    for (String line : Files.readAllLines(Golden.file("tokenizer/corpus.txt"))) {
      assertArrayEquals(original.encode(line), model.encode(line), line);
      assertArrayEquals(original.encode(line), json.encode(line), line);
    }
  }

  @Test
  void theWrittenJsonEqualsTheReferenceConversion() {
    BpeTokenizer original = (BpeTokenizer) Tokenizer.load(Golden.file("tokenizer/tiny.model"));
    TokenizerFiles.write(folder, original.pieces());
    var golden = Golden.json("tokenizer/tokenizer.json");
    var written = Golden.json(folder.resolve("tokenizer.json"));
    for (String field : List.of("added_tokens", "normalizer", "decoder", "pre_tokenizer")) {
      assertEquals(golden.get(field), written.get(field), field);
    }
    assertEquals(golden.at("/model/vocab"), written.at("/model/vocab"));
    assertEquals(golden.at("/model/merges"), written.at("/model/merges"));
  }

  @Test
  void trainedVocabularyShortensItsCorpusAndKeepsLocationsWhole() throws IOException {
    List<String> corpus = Files.readAllLines(Golden.file("tokenizer/corpus.txt"));
    List<Piece> pieces = BpeTrainer.train(corpus, 600);
    assertEquals(600 + 1024 + 128, pieces.size());
    TokenizerFiles.write(folder, pieces);
    Tokenizer tokenizer = Tokenizer.load(folder.resolve("tokenizer.model"));
    int characters = 0;
    int tokens = 0;
    for (String line : corpus) {
      int[] ids = tokenizer.encode(line);
      assertEquals(line, tokenizer.decode(ids));
      characters += line.length();
      tokens += ids.length;
    }
    assertTrue(tokens * 2 < characters, tokens + " tokens for " + characters + " characters");
    assertArrayEquals(
        new int[] {600, 600 + 1023, 600 + 1024, 600 + 1024 + 127, 260},
        tokenizer.encode("<loc0000><loc1023><seg000><seg127>\n"));
  }

  @Test
  void trainedPiecesStayWithinWordsAndDigitsStaySingle() {
    List<Piece> pieces =
        BpeTrainer.train(List.of("count 12 kites", "count 12 kites", "count 12 kites"), 300);
    for (Piece piece : pieces) {
      if (piece.type() == Piece.Type.NORMAL) {
        assertTrue(piece.text().lastIndexOf('\u2581') <= 0, piece.text());
        assertTrue(piece.text().matches("\\D*|\\d"), piece.text());
      }
    }
  }

  @Test
  void aVocabularyWithoutAllBytesIsNotWritten() {
    List<Piece> pieces = Piece.specials();
    var e =
        assertThrows(IllegalArgumentException.class, () -> TokenizerFiles.write(folder, pieces));
    assertSays(e, "<0x00>");
  }
}
