package dev.palimpsest.configs.binding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.checks.Place;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Single values as YAML writes them, and what is said of those that are something else. */
class ScalarsTest {
  private final List<String> mistakes = new ArrayList<>();
  private final Scalars scalars =
      new Scalars(
          new Variables(Map.of("run", "runs/a"), Map.of()),
          (path, message) -> mistakes.add(path + " " + message));

  private @Nullable Object read(Class<?> type, String yaml) {
    Node node = YamlReader.value(yaml, Place.all("test"), new ArrayList<>());
    return scalars.read(type, Objects.requireNonNull(node), "key");
  }

  @Test
  void valuesAreReadAsTheirTypes() {
    assertEquals(3, read(int.class, "3"));
    assertEquals(3_000_000_000L, read(long.class, "3e9"));
    assertEquals(1e-3, read(double.class, "1e-3"));
    assertEquals(true, read(boolean.class, "true"));
    assertEquals("3", read(String.class, "'3'"));
    assertEquals("runs/a/data", read(String.class, "${run}/data"));
    assertEquals(Precision.BF16, read(Precision.class, "bf16"));
    assertEquals(List.of(), mistakes);
  }

  /** Minus zero is the same setting as zero, and must have the same fingerprint. */
  @Test
  void minusZeroIsZero() {
    assertEquals(0.0, read(double.class, "-0.0"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "int     | '3'        | key must be a whole number, got",
        "int     | 3.5        | key must be a whole number, got",
        "int     | 3000000000 | key must be at most 2147483647, got 3000000000",
        "int     | 0123       | which YAML reads in base 8; leave the leading 0 out",
        "double  | '0.5'      | ; remove the quotes",
        "double  | 1e999      | key must be a finite number, got",
        "double  | 1e-999     | key must be 0 or a number that is not lost against 0, got",
        "boolean | no         | key must be true or false, got",
        "String  | 3          | put it in quotes: '3'",
        "String  | ${rnu}     | rnu",
        "enum    | bf61       | did you mean 'bf16'?"
      })
  void whatIsSomethingElseIsReportedAndNotConverted(String type, String yaml, String message) {
    Class<?> read =
        Map.<String, Class<?>>of(
                "int", int.class,
                "double", double.class,
                "boolean", boolean.class,
                "String", String.class,
                "enum", Precision.class)
            .get(type);
    assertNull(read(Objects.requireNonNull(read), yaml));
    assertEquals(1, mistakes.size(), mistakes.toString());
    assertTrue(mistakes.get(0).contains(message), mistakes.get(0));
  }
}
