package dev.palimpsest.eval.benchmarks.forms.expressions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Pickles are data here, never programs; those made to hurt end in one sentence each, at once. */
class PickleTest {
  /** Sixty pairs, each of the one before twice: a tuple of 2^60 parts in 120 bytes. */
  private static final String DOUBLED = "N" + "2\u0086".repeat(60);

  /** A list that holds itself. */
  private static final String ENDLESS = "]q\u0001h\u0001a";

  private static String refusal(String pickle) {
    byte[] bytes = pickle.getBytes(StandardCharsets.ISO_8859_1);
    String message =
        assertTimeoutPreemptively(
            Duration.ofSeconds(10),
            () ->
                String.valueOf(
                    assertThrows(BenchmarkFormatException.class, () -> Pickle.read(bytes, "refs.p"))
                        .getMessage()));
    assertTrue(message.startsWith("refs.p: ") && message.length() < 200, message);
    return message;
  }

  @Test
  void collectionsAreNoKeys() {
    for (String key : List.of(DOUBLED, ENDLESS, "}", ")", "](" + "]".repeat(100_000) + "e")) {
      assertTrue(refusal("\u0080\u0002}" + key + "Ns.").contains("key is a collection"));
      assertTrue(refusal("}(" + key + "Nu.").contains("key is a collection"));
      assertTrue(refusal("(" + key + "Nd.").contains("key is a collection"));
    }
  }

  @Test
  void collectionsThatShareTheirPartsAreNoTexts(@TempDir Path folder) throws IOException {
    Path refs = folder.resolve("refs.p");
    Path instances = folder.resolve("instances.json");
    Files.writeString(instances, "{\"images\": [], \"annotations\": []}");
    for (String value : List.of(DOUBLED, ENDLESS)) {
      Files.write(
          refs,
          ("](}(X\u0006\u0000\u0000\u0000ann_id" + value + "ue.")
              .getBytes(StandardCharsets.ISO_8859_1));
      String message =
          assertTimeoutPreemptively(
              Duration.ofSeconds(10),
              () ->
                  String.valueOf(
                      assertThrows(
                              BenchmarkFormatException.class,
                              () -> RefCocoForm.read(refs, instances))
                          .getMessage()));
      assertTrue(message.contains("\"ann_id\" of an item is a collection"), message);
    }
  }

  @Test
  void depthIsNoMatter() {
    String deep = "]".repeat(300_000) + "a".repeat(299_999) + ".";
    assertTimeoutPreemptively(
        Duration.ofSeconds(10),
        () ->
            assertEquals(
                1,
                ((List<?>) Pickle.read(deep.getBytes(StandardCharsets.ISO_8859_1), "x")).size()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\u008b\u00ff\u00ff\u00ff\u00ff.            | ends early",
        "\u008b\u00ff\u00ff\u00ff\u007f.            | ends early",
        "B\u00ff\u00ff\u00ff\u007f.                 | ends early",
        "\u008d\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f. | more than 64 bits",
        "\u008e\u0000\u0000\u0000\u0000\u0001\u0000\u0000\u0000. | more than 64 bits",
        "\u008a\u0009123456789.                     | more than 64 bits",
        "I99999999999999999999n.                    | ends early",
        "V\\U00ffffff;.                             | a number that is malformed",
        "S'\\x4';.                                  | a number that is malformed",
        "K\u0001a.                                  | nothing on the stack",
        "K\u0001K\u0001a.                           | not a list",
        "K\u0001K\u0001K\u0001s.                    | not a dictionary",
        "version https://git-lfs.github.com/spec/v1 | is this a pickle?",
        "\u0080\u0004\u008c\u0002os\u0093.          | refused",
        "c__builtin__;eval;.                        | refused",
        "\u0096\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000a. | refused",
      })
  void damageIsSaidInOneSentence(String pickle, String reason) {
    String message = refusal(pickle.replace(';', '\n'));
    assertTrue(message.contains(reason), message);
  }

  @Test
  void aNumberOfAHundredThousandDigitsIsNotPrinted() {
    assertTrue(refusal("I" + "9".repeat(100_000) + "\n.").contains("more than 64 bits"));
    assertTrue(refusal("L" + "9".repeat(100_000) + "L\n.").contains("more than 64 bits"));
  }

  @Test
  void longNumbersAreRead() {
    byte[] pickle =
        "\u008b\u0003\u0000\u0000\u0000\u0001\u0000\u0001.".getBytes(StandardCharsets.ISO_8859_1);
    assertEquals(65537L, Pickle.read(pickle, "x"));
  }

  /** {@code os.system("...")} in protocol 0, and an object to build in protocol 2. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "cos\nsystem\n(S'echo'\ntR.",
        "\u0080\u0002cbuiltins\nlist\n)\u0081.",
        "(i__main__\nA\n."
      })
  void aPickleThatWouldRunCodeIsRefused(String pickle) {
    BenchmarkFormatException e =
        assertThrows(
            BenchmarkFormatException.class,
            () -> Pickle.read(pickle.getBytes(StandardCharsets.ISO_8859_1), "x"));
    assertTrue(String.valueOf(e.getMessage()).contains("refused"), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "(",
        "]",
        "a.",
        "U\u00ffabc",
        "I12",
        "g5\n.",
        "S'a\n.",
        "X\u00ff\u00ff\u00ff\u007f."
      })
  void damagedPicklesAreExplained(String pickle) {
    assertThrows(
        BenchmarkFormatException.class,
        () -> Pickle.read(pickle.getBytes(StandardCharsets.ISO_8859_1), "x"));
  }

  @Test
  void numbersOfEveryKindAreRead() {
    String pickle =
        "(I01\nI-5\nL12L\nF1.5\nK\u0007M\u0001\u0002J\u00ff\u00ff\u00ff\u00ff\u008a\u0002\u0000\u00ffNl.";
    List<Object> wanted =
        new ArrayList<>(List.of(true, -5L, 12L, 1.5, 7L, 513L, -1L, -256L, Pickle.NONE));
    assertEquals(wanted, Pickle.read(pickle.getBytes(StandardCharsets.ISO_8859_1), "x"));
  }
}
