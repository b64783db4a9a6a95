package dev.palimpsest.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import org.junit.jupiter.api.Test;

class EscapeTest {
  private static final String ESC = Character.toString(0x1b);

  @Test
  void plainTextStaysAsItIs() {
    String plain = "Größe 12_pt, 写真 (3.5 %) - \"fine\" +1 @ https://x.org/a_b 😀";
    assertSame(plain, Escape.line(plain));
    assertSame(plain, Escape.lines(plain));
    assertEquals(plain, Escape.markdown(plain));
    assertEquals("`" + plain + "`", Escape.code(plain));
    assertEquals(plain.replace("\"", "&quot;"), Escape.html(plain));
  }

  @Test
  void theTerminalSeesControlsAndObeysNone() {
    assertEquals(
        "a\\u001b[31mred\\nb\\tc\\r\\u0007", Escape.line("a" + ESC + "[31mred\nb\tc\r\u0007"));
    assertEquals("a\\u001b]0;title\nb\tc\\r", Escape.lines("a" + ESC + "]0;title\nb\tc\r"));
    // DEL, the one-byte form of CSI, text turned around, a separator of lines
    assertEquals(
        "\\u007f\\u009b\\u202e\\u2066\\u2028", Escape.line("\u007f\u009b\u202e\u2066\u2028"));
  }

  @Test
  void markdownShowsWhatIsWritten() {
    assertEquals("a \\| b \\`c\\` \\*d\\* \\_e\\_", Escape.markdown("a | b `c` *d* _e_"));
    assertEquals(
        "\\<img src=x onerror=alert(1)\\>", Escape.markdown("<img src=x onerror=alert(1)>"));
    assertEquals(
        "\\[x\\](javascript:y) \\&amp; \\\\", Escape.markdown("[x](javascript:y) &amp; \\"));
    assertEquals("\\# no heading", Escape.markdown("# no heading"));
    assertEquals("\\- no item", Escape.markdown("- no item"));
    assertEquals("1\\. no item", Escape.markdown("1. no item"));
    assertEquals("\\=== no heading", Escape.markdown("=== no heading"));
    assertEquals("one line, not two", Escape.markdown("one line,\n\n  not two"));
    assertEquals("\\\\u001b\\[2J", Escape.markdown(ESC + "[2J"));
  }

  @Test
  void codeSpansHoldBackticksAndPipes() {
    assertEquals("``a`b``", Escape.code("a`b"));
    assertEquals("``` `` ```", Escape.code("``"));
    assertEquals("`a\\|b\\nc`", Escape.code("a|b\nc"));
    assertEquals("` `", Escape.code(""));
  }

  @Test
  void linksHoldAnyPath() {
    assertEquals("<a b/c(1)/d\\<e\\>>", Escape.link("a b/c(1)/d<e>"));
  }

  @Test
  void htmlHoldsNoMarkup() {
    assertEquals(
        "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;\uFFFD\uFFFD\n",
        Escape.html("<b a=\"1\" c='2'>&" + ESC + "\u202e\n"));
  }
}
