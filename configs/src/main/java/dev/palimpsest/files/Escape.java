package dev.palimpsest.files;

/**
 * Makes text from recipes, data and models harmless where it is shown: the only place for each kind
 * of escaping. Plain text is left unchanged by all of them.
 */
public final class Escape {
  /** Characters with a meaning anywhere in a CommonMark line. */
  private static final String MARKDOWN = "\\`*[]<>|&~$";

  private Escape() {}

  /**
   * For a line on the terminal: control characters, including line feeds and tabs, and characters
   * that change the direction of text become escapes such as {@code \n}, which are shown instead of
   * obeyed.
   */
  public static String line(String text) {
    return shown(text, "");
  }

  /** The same for whole output, which keeps its line feeds and tabs. */
  public static String lines(String text) {
    return shown(text, "\n\t");
  }

  /**
   * For running text and table cells of a Markdown file: shown literally, on one line. Underscores
   * inside words have no meaning there and are kept.
   */
  public static String markdown(String text) {
    StringBuilder escaped = new StringBuilder(text.length() + 16);
    String line = oneLine(text);
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      boolean special =
          MARKDOWN.indexOf(c) >= 0
              || (c == '_' && !(isWord(line, i - 1) && isWord(line, i + 1)))
              || (i == 0 && "#-+=:".indexOf(c) >= 0)
              || ((c == '.' || c == ')') && isNumber(line, i));
      escaped.append(special ? "\\" : "").append(c);
    }
    return escaped.toString();
  }

  /** A Markdown code span, also inside a table cell; line feeds are shown as {@code \n}. */
  public static String code(String text) {
    String line = line(text.replace("\n", "\\n")).replace("|", "\\|");
    if (line.isEmpty()) {
      return "` `";
    }
    int longest = 0;
    for (int i = 0, run = 0; i < line.length(); i++) {
      run = line.charAt(i) == '`' ? run + 1 : 0;
      longest = Math.max(longest, run);
    }
    String fence = "`".repeat(longest + 1);
    String space = line.startsWith("`") || line.endsWith("`") ? " " : "";
    return fence + space + line + space + fence;
  }

  /** The target of a Markdown link, between its parentheses. */
  public static String link(String path) {
    return "<" + line(path).replace("\\", "\\\\").replace("<", "\\<").replace(">", "\\>") + ">";
  }

  /** For element content and quoted attributes of HTML and SVG. */
  public static String html(String text) {
    StringBuilder escaped = new StringBuilder(text.length() + 16);
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '&' -> escaped.append("&amp;");
        case '<' -> escaped.append("&lt;");
        case '>' -> escaped.append("&gt;");
        case '"' -> escaped.append("&quot;");
        case '\'' -> escaped.append("&#39;");
        default -> escaped.append(isHidden(c) && c != '\n' && c != '\t' ? '\uFFFD' : c);
      }
    }
    return escaped.toString();
  }

  private static String shown(String text, String kept) {
    StringBuilder escaped = null;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean hidden = isHidden(c) && kept.indexOf(c) < 0;
      if (hidden && escaped == null) {
        escaped = new StringBuilder(text.length() + 16).append(text, 0, i);
      }
      if (escaped != null) {
        escaped.append(hidden ? escape(c) : Character.toString(c));
      }
    }
    return escaped == null ? text : escaped.toString();
  }

  private static String escape(char c) {
    return switch (c) {
      case '\n' -> "\\n";
      case '\r' -> "\\r";
      case '\t' -> "\\t";
      default -> "\\u%04x".formatted((int) c);
    };
  }

  /** Line feeds become spaces, as Markdown reads them; other controls are shown. */
  private static String oneLine(String text) {
    return line(text.strip().replaceAll("\\s*[\r\n]+\\s*", " ").replace('\t', ' '));
  }

  /**
   * Control characters (C0, DEL, C1), line separators, and marks that change the direction of text.
   */
  private static boolean isHidden(char c) {
    return Character.isISOControl(c)
        || (c >= '\u2028' && c <= '\u202E')
        || (c >= '\u2066' && c <= '\u2069');
  }

  private static boolean isWord(String line, int at) {
    return at >= 0 && at < line.length() && Character.isLetterOrDigit(line.charAt(at));
  }

  /** Whether everything before is the number of a list item. */
  private static boolean isNumber(String line, int end) {
    return end > 0
        && end < 10
        && line.substring(0, end).chars().allMatch(c -> c >= '0' && c <= '9');
  }
}
