package dev.palimpsest.files;

/**
 * Text of recipes, data and models made harmless where it is shown: the one place for each kind of
 * escaping. What is plain text stays as it is in each of them.
 */
public final class Escape {
  /** What CommonMark gives a meaning anywhere in a line. */
  private static final String MARKDOWN = "\\`*[]<>|&~$";

  private Escape() {}

  /**
   * For a line of the terminal: control characters, line feeds and tabs among them, and what turns
   * the direction of text become escapes such as {@code \n}, which are seen and not obeyed.
   */
  public static String line(String text) {
    return shown(text, "");
  }

  /** The same for whole output, which keeps its line feeds and tabs. */
  public static String lines(String text) {
    return shown(text, "\n\t");
  }

  /**
   * For running text and table cells of a Markdown file: shown as it is written, in one line.
   * Underscores within words have no meaning there and stay.
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

  /** A Markdown code span, also within a table cell; line feeds show as {@code \n}. */
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

  /** Control characters (C0, DEL, C1), separators of lines, and marks that turn text around. */
  private static boolean isHidden(char c) {
    return Character.isISOControl(c)
        || (c >= '\u2028' && c <= '\u202E')
        || (c >= '\u2066' && c <= '\u2069');
  }

  private static boolean isWord(String line, int at) {
    return at >= 0 && at < line.length() && Character.isLetterOrDigit(line.charAt(at));
  }

  /** Whether all before is the number of a list's item. */
  private static boolean isNumber(String line, int end) {
    return end > 0
        && end < 10
        && line.substring(0, end).chars().allMatch(c -> c >= '0' && c <= '9');
  }
}
