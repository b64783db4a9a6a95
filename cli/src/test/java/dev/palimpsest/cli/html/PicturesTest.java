package dev.palimpsest.cli.html;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class PicturesTest {
  /** A pattern that may give back calls itself for every token. */
  @Test
  void tokensInAnyNumberBecomeOnePiece() {
    String tokens = "&lt;loc0001&gt;&lt;seg001&gt;".repeat(5_000);
    assertEquals(
        "<span class=\"code\">" + tokens + "</span> cat",
        Pictures.words("<loc0001><seg001>".repeat(5_000) + " cat"));
  }
}
