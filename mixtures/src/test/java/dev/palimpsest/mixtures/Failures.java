package dev.palimpsest.mixtures;

import static org.junit.jupiter.api.Assertions.assertTrue;

/** What tests say about exceptions. */
public final class Failures {
  private Failures() {}

  /** The message has all parts, for a reader needs all of them. */
  public static void assertSays(Throwable failure, String... parts) {
    String message = String.valueOf(failure.getMessage());
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "'" + part + "' missing in: " + message);
    }
  }
}
