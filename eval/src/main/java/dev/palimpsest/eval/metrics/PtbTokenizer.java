package dev.palimpsest.eval.metrics;

import static java.util.regex.Pattern.CASE_INSENSITIVE;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Penn Treebank tokens of a caption, as the COCO caption evaluation needs them: lower case,
 * contractions split, brackets as {@code -lrb-}, and the evaluation's list of punctuation dropped.
 *
 * <p>Written from the observable behaviour of the tokenizer that the evaluation runs (CoreNLP
 * 3.4.1, which its licence keeps out of this project), and held against its output in the tests. At
 * every position each rule is tried and the longest match wins, the earlier rule on a tie. One
 * instance serves one thread.
 */
final class PtbTokenizer {
  /**
   * Tokens that the evaluation drops. Tokens arrive in lower case and this list is in upper case,
   * so brackets survive, as do {@code !!} and {@code ?!}.
   */
  private static final Set<String> DROPPED =
      Set.of(
          "''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-",
          "--", "...", ";");

  private static final Map<String, String> BRACKETS =
      Map.of("(", "-lrb-", ")", "-rrb-", "[", "-lsb-", "]", "-rsb-", "{", "-lcb-", "}", "-rcb-");

  private static final Map<String, String> NORMALIZED =
      Map.ofEntries(
          Map.entry("£", "#"),
          Map.entry("€", "$"),
          Map.entry("¤", "$"),
          Map.entry("¢", "cents"),
          Map.entry("¼", "1/4"),
          Map.entry("½", "1/2"),
          Map.entry("¾", "3/4"),
          Map.entry("⅓", "1/3"),
          Map.entry("⅔", "2/3"),
          Map.entry("⅛", "1/8"),
          Map.entry("⅜", "3/8"),
          Map.entry("⅝", "5/8"),
          Map.entry("⅞", "7/8"),
          Map.entry("‐", "-"),
          Map.entry("‑", "-"),
          Map.entry("“", "``"),
          Map.entry("„", "``"),
          Map.entry("«", "``"),
          Map.entry("”", "''"),
          Map.entry("»", "''"),
          Map.entry("‘", "`"),
          Map.entry("‚", "`"),
          Map.entry("‛", "`"),
          Map.entry("‹", "`"),
          Map.entry("›", "'"),
          Map.entry("&amp;", "&"),
          Map.entry("&lt;", "<"),
          Map.entry("&gt;", ">"),
          Map.entry("&quot;", "''"));

  /** Abbreviations that keep their full stop in any case. */
  private static final Set<String> ABBREVIATIONS =
      words(
          // months and days, without the ones that are everyday words
          "jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thurs fri",
          // states
          "ala ariz ark calif colo conn ct dak fla ga ind kan kans ky md mich minn mo mont neb nev"
              + " okla penn tenn va vt wis wisc wyo",
          // companies and institutions
          "inc co cos corp pty ltd plc bancorp dept bhd assn univ intl bros",
          // titles and names
          "mr mrs ms dr drs prof profs sen sens rep reps gov govs atty attys lt lieut col gen adm"
              + " rev maj sgt cpl pvt capt cmdr comdr pfc spc supt supts det brig hon pres messrs"
              + " jr sr esq wm jos st ste mt",
          // streets and the rest
          "ave blvd rd etc al seq vs cie");

  /** Abbreviations that are words in lower case. */
  private static final Set<String> CAPITAL_ABBREVIATIONS =
      words("Ak Del Ill La Mass Miss Ore Pa Tex Wash");

  /** Abbreviations in front of a number. */
  private static final Set<String> NUMBER_ABBREVIATIONS = words("no nos fig figs prop ca");

  private static final String LETTER = "[\\p{L}\\p{Mn}\\p{Mc}\\u00AD&&[^\\uFE00-\\uFE0F]]";
  private static final String ALNUM = "[\\p{L}\\p{Mn}\\p{Mc}\\p{Nd}\\u00AD&&[^\\uFE00-\\uFE0F]]";
  private static final String DECIMAL = "(?:\\p{Nd}*(?:[.:,]\\p{Nd}+)+)";
  private static final String APOSTROPHE = "['\\u2019]";
  private static final String SPACE = "[ \\u00A0]";

  /** A run of letters and digits, a number, or {@code o'clock}. */
  private static final String PIECE =
      "(?:[dDoOlL]" + APOSTROPHE + "(?=" + ALNUM + "))?(?:" + DECIMAL + "|" + ALNUM + "+)";

  /** Letters, a full stop each. */
  private static final String INITIALS = "[A-Za-z](?:\\.[A-Za-z])*\\.";

  private static final String NOT_BEFORE_WORD = "(?!" + ALNUM + ")";

  /** Rules for tokens that begin with a letter or digit. */
  private static final List<Rules> WORDS =
      List.of(
          always(
              assimilation(),
              // Yahoo!Inc, end.Start: one mark between letters does not split.
              plain(LETTER + ALNUM + "*(?:[.!?]" + LETTER + ALNUM + "*)*"),
              // T-shirt, two-year-old, 10-12, 5x7, 2010-05-06, d'ye
              plain(PIECE + "(?:-" + PIECE + ")*")),
          // U.S.-based, 1,000-seat
          when("-", plain("[A-Za-z0-9][A-Za-z0-9.,]*(?:-(?:" + INITIALS + "|[A-Za-z0-9]+))+")),
          // and/or, w/o, 24/7, TCP/IP-based
          when(
              "/",
              plain("[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2}")),
          when(
              "0123456789",
              // 3/4, 3 3/4 (its space becomes a non-breaking one), 05/06/2010
              spaced("(?:\\p{Nd}{1,4}[- \\u00A0])?\\p{Nd}{1,4}[/\\u2044]\\p{Nd}{1,4}"),
              plain("\\p{Nd}{1,2}/\\p{Nd}{1,2}/\\p{Nd}{2,4}"),
              telephone()),
          when(
              ".",
              // U.S., p.m., J.
              plain(INITIALS),
              plain("(?:Ph|Ed)\\.D\\."),
              abbreviation(),
              // in., before a comma
              plain(LETTER + ALNUM + "*\\.(?=[,;:])"),
              // example.com, www.example.com/a
              ignoringCase(
                  "(?:www\\.(?:[^\\s\"<>|.!?(){},]+\\.)+[a-z]{2,4}"
                      + "|[a-z0-9][a-z0-9-]*(?:\\.[a-z0-9-]+)*\\.(?:com|net|org|edu)(?![a-z0-9]))"
                      + "(?:/[^\\s\"<>|()]*[^\\s\"<>|.!?(){},-])?"),
              // img-01.jpg
              ignoringCase(
                  ALNUM
                      + "+(?:[-._/]"
                      + ALNUM
                      + "+)*\\.(?:bmp|csv|css|docx?|exe|gif|gz|html?|jar|java|jpe?g|mov|mp[34]|pdf"
                      + "|php|png|pptx?|py|sql|svg|tar|txt|wav|xlsx?|xml|zip)"
                      + NOT_BEFORE_WORD)),
          when(
              "'",
              // O'Neil, ma'am
              plain("[A-HJ-XZn]" + APOSTROPHE + "\\p{L}{2,}"),
              plain("\\p{L}+[aeiouyAEIOUY]" + APOSTROPHE + "(?:[aeiou]\\p{L}*|[A-Z]\\p{Ll}+)"),
              ignoringCase("(?:c'mon|s'mores?|li'l|e'er|nor'easter|cont'd|ol')" + NOT_BEFORE_WORD),
              ignoringCase("y" + APOSTROPHE + "(?=\\p{L})"),
              // ca n't
              ignoringCase("n" + APOSTROPHE + "t" + NOT_BEFORE_WORD),
              split("([A-Za-z]+)(n" + APOSTROPHE + "t)" + NOT_BEFORE_WORD)),
          // AT&T
          when("&+", normalized("[A-Z]+(?:(?:&amp;|[&+])[A-Z]+)+")),
          // US$
          when("$", plain("[A-Z]+\\$")),
          when(":", ignoringCase("https?://[^\\s\"<>|()]*[^\\s\"<>|.!?(){},-]")),
          when(
              "@", plain("[A-Za-z0-9][^\\s\"<>|()]*@(?:[^\\s\"<>|().]+\\.)*[^\\s\"<>|().,;:!?]+")));

  /** Rules for tokens that begin with anything else. */
  private static final List<Rules> MARKS =
      List.of(
          // <tag>, </tag>, <tag key="value">
          when(
              "<",
              spaced(
                  "</?[A-Za-z][A-Za-z0-9_:.-]*(?: +[A-Za-z][A-Za-z0-9_:.-]*"
                      + "(?:=(?:\"[^\"]*\"|'[^']*'|[^ >\"']+))?)* */?>|<[!?][A-Za-z-][^>]*>")),
          when("&", normalized("&(?:amp|lt|gt|quot);")),
          when("@#", plain("[@#][A-Za-z]\\w*")),
          // :-) ;) :D, in front of anything but a letter
          when(":;=", bracketed("[<>]?[:;=][-o*']?[()DPdpO\\\\{@|\\[\\]](?![A-Za-z])")),
          // ^_^ and (^.^)
          when("^=~<>-", bracketed("[-^x=~<>']_[-^x=~<>']|\\([-^x=~<>'][_.]?[-^x=~<>']\\)")),
          when(
              "0123456789",
              telephone(),
              // +3, -7, .5
              plain("[-+]?" + DECIMAL + "|[-+]\\p{Nd}+")),
          when("-", ignoringCase("-[LR][RSC]B-")),
          when(
              "'",
              constant("''", "''"),
              // 's 'll
              ignoringCase(APOSTROPHE + "(?:s|m|d|ll|re|ve)(?!\\p{L})"),
              ignoringCase(APOSTROPHE + "(?:[2-9]0s|em|till?|cause)" + NOT_BEFORE_WORD),
              // rock 'n' roll
              ignoringCase(APOSTROPHE + "n(?:" + APOSTROPHE + "|(?!\\p{L}))"),
              // 't is
              split("(" + APOSTROPHE + "t)(is|was)" + NOT_BEFORE_WORD)),
          when("`", constant("``", "``")),
          always(
              constant("\\.{3,}|\\u2026|\\u0085", "..."),
              constant("-{2,}|[\\u2012-\\u2015]+", "--"),
              plain("[?!]+"),
              plain("_+"),
              quote(),
              plain("[\\u2070\\u00B9\\u00B2\\u00B3\\u2074-\\u2079]+|[\\u2080-\\u2089]+"),
              normalized(
                  "[\\p{P}\\p{S}\\p{No}\\p{Nl}"
                      + "&&[^\\u20A5-\\u20AB\\u20AD-\\u20CF\\uFFFC\\uFFFD]]")));

  private final StringBuilder line = new StringBuilder();
  private final List<String> tokens = new ArrayList<>();

  /**
   * The caption as the evaluation scores it: tokens without the dropped ones, joined by one space.
   */
  String caption(String text) {
    tokenize(text);
    tokens.removeIf(DROPPED::contains);
    return String.join(" ", tokens);
  }

  /** All tokens joined by one space, before any are dropped. */
  String line(String text) {
    tokenize(text);
    return String.join(" ", tokens);
  }

  private void tokenize(String text) {
    tokens.clear();
    String input = prepared(text);
    int at = 0;
    while (at < input.length()) {
      char c = input.charAt(at);
      if (PythonText.isSpace(c)) {
        at++;
        continue;
      }
      if (isLoneMark(c, input.charAt(at + 1))) {
        tokens.add(String.valueOf(c));
        at++;
        continue;
      }
      int plainEnd = plainWord(input, at);
      if (plainEnd > 0) {
        tokens.add(input.substring(at, plainEnd).toLowerCase(Locale.ROOT));
        at = plainEnd;
        continue;
      }
      at = longest(startsWord(c) ? WORDS : MARKS, input, at);
    }
  }

  private int longest(List<Rules> rules, String input, int at) {
    Marks marks = Marks.ofChunk(input, at);
    int end = at;
    Rule best = null;
    for (Rules group : rules) {
      if (group.needed.meets(marks)) {
        for (Rule rule : group.rules) {
          int ruleEnd = rule.end(input, at);
          if (ruleEnd > end) {
            end = ruleEnd;
            best = rule;
          }
        }
      }
    }
    if (best == null) {
      // Emoji, control characters, unassigned ones: no token.
      return at + 1;
    }
    for (String token : best.tokens(input, at, end)) {
      String cleaned = token.replace("\u00AD", "").replace('\u2019', '\'');
      if (!cleaned.isEmpty()) {
        tokens.add(cleaned.toLowerCase(Locale.ROOT));
      }
    }
    return end;
  }

  /**
   * Line ends become spaces, where the original would shift all later captions by a line, and
   * characters beyond the basic plane become one that makes no token. A line end closes the text,
   * since some rules look at what follows.
   */
  private String prepared(String text) {
    line.setLength(0);
    String input = text.replace("&apos;", "'").replace("&nbsp;", " ");
    for (int i = 0; i < input.length(); i++) {
      char c = input.charAt(i);
      boolean lineEnd =
          c == '\n' || c == '\r' || c == 0x0b || c == '\f' || c == 0x2028 || c == 0x2029;
      line.append(lineEnd ? ' ' : Character.isSurrogate(c) ? '\uFFFF' : c);
    }
    return line.append('\n').toString();
  }

  private static boolean startsWord(char c) {
    return Character.isLetterOrDigit(c)
        || c == 0xAD
        || (switch (Character.getType(c)) {
              case Character.NON_SPACING_MARK, Character.COMBINING_SPACING_MARK -> true;
              default -> false;
            }
            && !(c >= 0xFE00 && c <= 0xFE0F));
  }

  /**
   * The end of a run of letters to which no rule could add anything, or 0. Most of every caption is
   * such words; looking at all rules for each would take ten times as long.
   */
  private static int plainWord(String input, int at) {
    int end = endOfLetters(input, at);
    if (end == at) {
      return 0;
    }
    char next = input.charAt(end);
    char afterNext = end + 1 < input.length() ? input.charAt(end + 1) : '\n';
    boolean lastAfterNext = afterNext == ' ' || afterNext == '\n';
    boolean closed =
        next == ' '
            || next == '\n'
            || (next == ',' && lastAfterNext)
            || (next == '.' && lastAfterNext && end - at > 1 && !isAbbreviation(input, at, end));
    return closed && !isAssimilated(input, at, end) ? end : 0;
  }

  /** A comma or the like at the end of a chunk: no rule could make more of it. */
  private static boolean isLoneMark(char c, char next) {
    return (next == ' ' || next == '\n') && ".,;?!".indexOf(c) >= 0;
  }

  private static int endOfLetters(String input, int at) {
    int end = at;
    while (Character.isLetter(input.charAt(end))) {
      end++;
    }
    return end;
  }

  private static boolean isAssimilated(String input, int at, int end) {
    int length = end - at;
    if (length != 5 && length != 6) {
      return false;
    }
    return switch (input.substring(at, end).toLowerCase(Locale.ROOT)) {
      case "cannot", "gonna", "wanna", "gotta", "gimme", "lemme" -> true;
      default -> false;
    };
  }

  /** Whether the word from {@code at} to {@code end}, where a full stop stands, keeps it. */
  private static boolean isAbbreviation(String input, int at, int end) {
    if (end - at > 8) {
      return false;
    }
    String word = input.substring(at, end);
    String lower = word.toLowerCase(Locale.ROOT);
    if (ABBREVIATIONS.contains(lower) || CAPITAL_ABBREVIATIONS.contains(word)) {
      return true;
    }
    int next = end + 1;
    next += input.charAt(next) == ' ' ? 1 : 0;
    return NUMBER_ABBREVIATIONS.contains(lower)
        && next < input.length()
        && Character.isDigit(input.charAt(next));
  }

  private static Set<String> words(String... lists) {
    Set<String> words = new HashSet<>();
    for (String list : lists) {
      words.addAll(List.of(list.split(" ")));
    }
    return Set.copyOf(words);
  }

  // Rules

  /** What may stand at a position, and the tokens that it makes. */
  private interface Rule {
    /** Where the longest match at {@code at} ends, or -1. */
    int end(String input, int at);

    /** The tokens of a match; case and apostrophes are still as written. */
    List<String> tokens(String input, int at, int end);
  }

  /** Rules that can only match where one of some marks stands in the same chunk of text. */
  private record Rules(Marks needed, List<Rule> rules) {}

  private static Rules when(String marks, Rule... rules) {
    return new Rules(Marks.of(marks), List.of(rules));
  }

  private static Rules always(Rule... rules) {
    return new Rules(Marks.ANY, List.of(rules));
  }

  /** A set of ASCII characters. */
  private record Marks(long low, long high) {
    static final Marks ANY = new Marks(-1, -1);

    static Marks of(String characters) {
      long low = 0;
      long high = 0;
      for (int i = 0; i < characters.length(); i++) {
        char c = characters.charAt(i);
        low |= c < 64 ? 1L << c : 0;
        high |= c >= 64 ? 1L << (c - 64) : 0;
      }
      return new Marks(low, high);
    }

    /** The characters up to the next space; those beyond ASCII as what they stand for. */
    static Marks ofChunk(String input, int at) {
      long low = 1;
      long high = 0;
      for (int i = at; i < input.length() && input.charAt(i) > ' '; i++) {
        char c = input.charAt(i);
        if (c >= 128) {
          c = c == 0x2019 ? '\'' : c == 0x2044 ? '/' : Character.isDigit(c) ? '0' : 0;
        }
        low |= c < 64 ? 1L << c : 0;
        high |= c >= 64 ? 1L << (c - 64) : 0;
      }
      return new Marks(low, high);
    }

    boolean meets(Marks other) {
      return (low & other.low) != 0 || (high & other.high) != 0;
    }
  }

  private static final class PatternRule implements Rule {
    private final Pattern pattern;
    private final Function<MatchResult, List<String>> tokens;

    PatternRule(String regex, int flags, Function<MatchResult, List<String>> tokens) {
      this.pattern = Pattern.compile(regex, flags);
      this.tokens = tokens;
    }

    @Override
    public int end(String input, int at) {
      Matcher matcher = matcher(input, at);
      return matcher.lookingAt() ? matcher.end() : -1;
    }

    @Override
    public List<String> tokens(String input, int at, int end) {
      Matcher matcher = matcher(input, at);
      if (!matcher.lookingAt()) {
        throw new IllegalStateException("no match of " + pattern + " at " + at);
      }
      return tokens.apply(matcher);
    }

    private Matcher matcher(String input, int at) {
      return pattern
          .matcher(input)
          .region(at, input.length())
          .useTransparentBounds(true)
          .useAnchoringBounds(false);
    }
  }

  private static Rule plain(String regex) {
    return new PatternRule(regex, 0, m -> List.of(m.group()));
  }

  private static Rule ignoringCase(String regex) {
    return new PatternRule(regex, CASE_INSENSITIVE, m -> List.of(m.group()));
  }

  /** Two groups, two tokens. */
  private static Rule split(String regex) {
    return new PatternRule(regex, CASE_INSENSITIVE, m -> List.of(m.group(1), m.group(2)));
  }

  private static Rule constant(String regex, String token) {
    return new PatternRule(regex, 0, m -> List.of(token));
  }

  /** A token that may hold spaces, which become non-breaking so that it stays one. */
  private static Rule spaced(String regex) {
    return new PatternRule(regex, 0, m -> List.of(m.group().replace(' ', '\u00A0')));
  }

  /** A token with brackets inside. */
  private static Rule bracketed(String regex) {
    return new PatternRule(regex, 0, m -> List.of(withoutParentheses(m.group())));
  }

  /** A symbol, written the Treebank's way. */
  private static Rule normalized(String regex) {
    return new PatternRule(
        regex,
        0,
        m -> {
          String symbol = m.group();
          String bracket = BRACKETS.get(symbol);
          return List.of(
              bracket != null
                  ? bracket
                  : NORMALIZED.getOrDefault(symbol, symbol.replace("&amp;", "&")));
        });
  }

  /** (415) 555-0199, 415 555 0199, 415.555.0199 */
  private static Rule telephone() {
    String number =
        "(?:\\([0-9]{2,3}\\)"
            + SPACE
            + "?|\\+{0,2}(?:[0-9]{2,4}[- \\u00A0])?[0-9]{2,4}[- \\u00A0])"
            + "[0-9]{3,4}[- \\u00A0]?[0-9]{3,5}(?![0-9])";
    return new PatternRule(
        number, 0, m -> List.of(withoutParentheses(m.group()).replace(' ', '\u00A0')));
  }

  /** Two words that are written as one. */
  private static Rule assimilation() {
    return new Rule() {
      @Override
      public int end(String input, int at) {
        int end = endOfLetters(input, at);
        return isAssimilated(input, at, end) && !Character.isDigit(input.charAt(end)) ? end : -1;
      }

      @Override
      public List<String> tokens(String input, int at, int end) {
        return List.of(input.substring(at, at + 3), input.substring(at + 3, end));
      }
    };
  }

  private static Rule abbreviation() {
    return new Rule() {
      @Override
      public int end(String input, int at) {
        int end = endOfLetters(input, at);
        boolean found = end > at && input.charAt(end) == '.' && isAbbreviation(input, at, end);
        return found ? end + 1 : -1;
      }

      @Override
      public List<String> tokens(String input, int at, int end) {
        return List.of(input.substring(at, end));
      }
    };
  }

  /**
   * A straight or closing quotation mark by itself; which one it is follows from what surrounds it.
   */
  private static Rule quote() {
    return new Rule() {
      @Override
      public int end(String input, int at) {
        return "'\"\u2019".indexOf(input.charAt(at)) >= 0 ? at + 1 : -1;
      }

      @Override
      public List<String> tokens(String input, int at, int end) {
        boolean afterWord = at > 0 && Character.isLetterOrDigit(input.charAt(at - 1));
        boolean beforeWord = Character.isLetterOrDigit(input.charAt(end));
        boolean opens = beforeWord && !afterWord && input.charAt(at) != '\u2019';
        return List.of(input.charAt(at) == '"' ? (opens ? "``" : "''") : (opens ? "`" : "'"));
      }
    };
  }

  private static String withoutParentheses(String token) {
    return token.replace("(", "-lrb-").replace(")", "-rrb-");
  }
}
