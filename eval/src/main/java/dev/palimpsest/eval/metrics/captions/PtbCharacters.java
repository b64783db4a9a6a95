package dev.palimpsest.eval.metrics.captions;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Locale;
import java.util.Objects;

/**
 * Classifies characters as the tokenizer of the caption evaluation does. Each ASCII character is a
 * kind of its own; all others belong to one of the {@link Kind}s, and no rule distinguishes
 * characters of the same kind.
 *
 * <p>The large kinds are listed in {@code ptb-characters.txt}. The windows-1252 quotes, dashes and
 * ellipsis that occur as U+0080 to U+009F count as what their authors meant.
 */
final class PtbCharacters {
  /** A kind of characters beyond ASCII. */
  enum Kind {
    LETTER,
    CAPITAL,
    MARK,
    DIGIT,
    SYMBOL,
    /** Circled capitals. */
    CAPITAL_SYMBOL,
    /** Roman numerals, which do not form tokens. */
    CAPITAL_NUMERAL,
    SUPERSCRIPT("\u00B2\u00B3\u00B9\u2070\u2074\u2075\u2076\u2077\u2078\u2079"),
    SUPERSCRIPT_SIGN("\u207A\u207B"),
    SUBSCRIPT("\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089"),
    SUBSCRIPT_SIGN("\u208A\u208B"),
    FRACTION("\u00BC\u00BD\u00BE\u2153\u2154"),
    FRACTION_SLASH("\u2044"),
    NUMBER_SEPARATOR("\u066B\u066C"),
    CURRENCY("\u0080\u00A2\u00A3\u00A4\u20A0\u20AC"),
    APOSTROPHE("\u0092\u2019"),
    OPENING_QUOTE("\u0093\u00AB\u201C\u2039"),
    TURNED_APOSTROPHE("\u0091\u2018\u201B"),
    CLOSING_QUOTE("\u0094\u00BB\u201D\u203A"),
    LOW_QUOTE("\u201A\u201E\u201F"),
    DASH("\u0096\u0097\u2013\u2014\u2015"),
    HYPHEN("\u058A\u2010\u2011"),
    SOFT_HYPHEN("\u00AD"),
    ELLIPSIS("\u0085\u2026"),
    COMMA("\u3001"),
    NO_BREAK_SPACE("\u00A0"),
    SPACE(
        "\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u202F\u205F"
            + "\u3000"),
    LINE_END("\u2028\u2029"),
    /**
     * Separates tokens without forming one: surrogates, control characters, unassigned code points.
     */
    NOTHING;

    private final String members;

    Kind() {
      this("");
    }

    Kind(String members) {
      this.members = members;
    }

    /** Its number; ASCII characters are 0 to 127. */
    @SuppressWarnings("EnumOrdinal") // the tables are made from this order, in the same process
    int id() {
      return 128 + ordinal();
    }
  }

  /** The number of kinds, ASCII characters included. */
  static final int KINDS = 128 + Kind.values().length;

  private static final byte[] KIND_OF = table();

  private PtbCharacters() {}

  /** The kind of a character: itself if it is ASCII, otherwise {@link Kind#id}. */
  static int kind(char c) {
    return c < 128 ? c : Byte.toUnsignedInt(KIND_OF[c]);
  }

  /** The kind of each character of a text. */
  static byte[] kinds(CharSequence text) {
    byte[] kinds = new byte[text.length()];
    for (int i = 0; i < kinds.length; i++) {
      kinds[i] = (byte) kind(text.charAt(i));
    }
    return kinds;
  }

  static BitSet set(Kind... kinds) {
    BitSet set = new BitSet(KINDS);
    for (Kind kind : kinds) {
      set.set(kind.id());
    }
    return set;
  }

  private static byte[] table() {
    byte[] table = new byte[1 << 16];
    Arrays.fill(table, (byte) Kind.NOTHING.id());
    try (InputStream in =
            Objects.requireNonNull(
                PtbCharacters.class.getResourceAsStream("ptb-characters.txt"),
                "ptb-characters.txt is missing from the jar");
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII))) {
      Kind kind = Kind.NOTHING;
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith("  ")) {
          for (String range : line.strip().split(" ")) {
            int first = Integer.parseInt(range.substring(0, 4), 16);
            int last = Integer.parseInt(range.substring(range.length() - 4), 16);
            Arrays.fill(table, first, last + 1, (byte) kind.id());
          }
        } else if (!line.isEmpty() && !line.startsWith("#")) {
          kind = Kind.valueOf(line.toUpperCase(Locale.ROOT));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    for (Kind kind : Kind.values()) {
      kind.members.chars().forEach(c -> table[c] = (byte) kind.id());
    }
    for (int c = 128; c < table.length; c++) {
      // Cherokee had no lower-case letters yet.
      boolean capital = Character.isUpperCase(c) && !(c >= 0x13A0 && c <= 0x13FF);
      if (capital && table[c] == (byte) Kind.LETTER.id()) {
        table[c] = (byte) Kind.CAPITAL.id();
      } else if (capital && table[c] == (byte) Kind.SYMBOL.id()) {
        table[c] = (byte) Kind.CAPITAL_SYMBOL.id();
      } else if (c >= 0x2160 && c <= 0x216F) {
        table[c] = (byte) Kind.CAPITAL_NUMERAL.id();
      }
    }
    return table;
  }
}
