package dev.palimpsest.mixtures.playground;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.mixtures.text.BpeTrainer;
import dev.palimpsest.mixtures.text.Piece;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.mixtures.text.TokenizerFiles;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FabricatedVocabularyTest {
  /** Gemma's own places (its tokenizer.json). */
  @Test
  void itHasGemmasSizeAndOrder() {
    List<Piece> pieces = FabricatedVocabulary.pieces(256_000, 0);
    assertEquals(256_000, pieces.size());
    assertEquals(256_000, new HashSet<>(pieces.stream().map(Piece::text).toList()).size());
    assertEquals("<bos>", pieces.get(2).text());
    assertEquals("<mask>", pieces.get(4).text());
    assertEquals("<unused98>", pieces.get(105).text());
    assertEquals("<start_of_turn>", pieces.get(106).text());
    assertEquals("\n", pieces.get(108).text());
    assertEquals("\n".repeat(31), pieces.get(138).text());
    assertEquals("\u2581\u2581", pieces.get(139).text());
    assertEquals("<table>", pieces.get(169).text());
    assertEquals("<0x00>", pieces.get(217).text());
    assertEquals("<0xFF>", pieces.get(472).text());
    assertEquals("<loc0000>", BpeTrainer.withLocationsAndSegments(pieces).get(256_000).text());
  }

  @Test
  void bothFormsTokeniseThePlaygroundAlikeAndShort(@TempDir Path folder) {
    List<Piece> pieces = BpeTrainer.withLocationsAndSegments(FabricatedVocabulary.pieces(4_000, 1));
    TokenizerFiles.write(folder, pieces);
    Tokenizer model = Tokenizer.load(folder.resolve(TokenizerFiles.SENTENCE_PIECE));
    Tokenizer json = Tokenizer.load(folder.resolve(TokenizerFiles.HUGGING_FACE));
    assertEquals(pieces.size(), model.vocabularySize());
    int tokens = 0;
    int words = 0;
    for (String text : Corpus.texts()) {
      int[] ids = model.encode(text);
      assertArrayEquals(ids, json.encode(text), text);
      assertEquals(text, model.decode(ids));
      tokens += ids.length;
      words += text.split("[ <>]+").length;
    }
    assertTrue(tokens < 1.5 * words, tokens + " tokens for " + words + " words");
  }

  @Test
  void sameSeedSamePieces() {
    assertEquals(FabricatedVocabulary.pieces(2_000, 5), FabricatedVocabulary.pieces(2_000, 5));
    assertNotEquals(FabricatedVocabulary.pieces(2_000, 5), FabricatedVocabulary.pieces(2_000, 6));
  }

  @Test
  void aVocabularyThatHoldsNotEvenTheCharactersIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> FabricatedVocabulary.pieces(900, 0));
  }
}
