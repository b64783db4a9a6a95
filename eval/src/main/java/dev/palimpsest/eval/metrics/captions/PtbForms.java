package dev.palimpsest.eval.metrics.captions;

/** How the tokenizer of the caption evaluation writes a token, if not unchanged. */
final class PtbForms {
  private PtbForms() {}

  static String asIs(String token) {
    return token;
  }

  /** A token that consists of soft hyphens becomes a hyphen. */
  static String withoutSoftHyphens(String token) {
    String visible = token.replace("\u00AD", "");
    return visible.isEmpty() ? "-" : visible;
  }

  static String plainAmpersands(String token) {
    return token.replace("&amp;", "&");
  }

  static String straightApostrophes(String token) {
    return token
        .replace("&apos;", "'")
        .replace('\u2019', '\'')
        .replace('\u0092', '\'')
        .replace('\u2018', '`')
        .replace('\u0091', '`')
        .replace('\u201B', '`');
  }

  /** Spaces inside a token become non-breaking, so that it stays a single token. */
  static String noBreakSpaces(String token) {
    return token.replace(' ', '\u00A0');
  }

  static String roundBrackets(String token) {
    return token.replace("(", "-LRB-").replace(")", "-RRB-");
  }

  static String spaced(String token) {
    return noBreakSpaces(roundBrackets(token));
  }

  /** Writes one or two quotation marks as straight ones. */
  static String quotes(String token) {
    StringBuilder written = new StringBuilder();
    for (int i = 0; i < token.length(); i++) {
      char mark = token.charAt(i);
      written.append(
          switch (mark) {
            case '\u0091', '\u2018', '\u201B', '\u2039' -> "`";
            case '\u0093', '\u201C', '\u00AB' -> "``";
            case '\u0092', '\u2019', '\u203A' -> "'";
            case '\u0094', '\u201D', '\u00BB' -> "''";
            default -> String.valueOf(mark);
          });
    }
    return written.toString();
  }

  /** A symbol by itself. */
  static String symbol(String token) {
    return switch (token.charAt(0)) {
      case '(' -> "-LRB-";
      case ')' -> "-RRB-";
      case '[' -> "-LSB-";
      case ']' -> "-RSB-";
      case '{' -> "-LCB-";
      case '}' -> "-RCB-";
      case '\u00A3' -> "#";
      case '\u0080', '\u00A4', '\u20A0', '\u20AC' -> "$";
      case '\u00A2' -> "cents";
      case '\u00BC' -> "1/4";
      case '\u00BD' -> "1/2";
      case '\u00BE' -> "3/4";
      case '\u2153' -> "1/3";
      case '\u2154' -> "2/3";
      default -> token;
    };
  }
}
