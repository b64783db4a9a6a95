package dev.palimpsest.eval.metrics.captions;

import dev.palimpsest.eval.metrics.captions.LongestMatch.Nodes;
import dev.palimpsest.eval.metrics.captions.PtbCharacters.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Defines what counts as one token for the tokenizer of the caption evaluation, and how the token
 * is written.
 *
 * <p>The rules were found by experiment: each states what was observed in the output for lines that
 * were written to distinguish two hypotheses. All rules, in the notation of {@link TokenPattern},
 * are tried at a position. The longest match wins, including what a rule requires after the token;
 * the earlier rule wins a tie, so the order of the rules matters.
 */
final class PtbRules {
  /**
   * One rule.
   *
   * @param token what the token looks like
   * @param behind what must follow it; null if anything may
   * @param form how the token is written
   * @param stopTwice whether the token's last character, a full stop, also ends the sentence and so
   *     becomes a token once more
   */
  private record Rule(
      TokenPattern token,
      @Nullable TokenPattern behind,
      UnaryOperator<String> form,
      boolean stopTwice) {}

  /**
   * A token in a text.
   *
   * @param written empty if the text does not form a token, such as white space
   * @param next where the next token begins
   */
  record Found(String written, int next) {}

  /** Words that include their full stop and may end a sentence. */
  private static final String LAST_WORDS =
      // months and days
      "jan feb mar apr jun jul aug sept sep oct nov dec mon tues tue wed thurs thu fri"
          // states
          + " ala ariz calif colo conn ct dak fla ga ind kans kan ky md mich minn mo mont neb nev"
          + " okla penn tenn va vt wisc wis wyo"
          // companies
          + " inc co cos corp bancorp ltd plc bros bhd assn univ intl sys pptes pptys"
          // the rest
          + " jr sr esq blvd rd rt sq bldg tel est ext seq etc al ph.d ed.d";

  /** The same, if they begin with a capital; otherwise they are ordinary words. */
  private static final String CAPITAL_LAST_WORDS =
      "A(z|Z) L(a|A) P(a|A) A(rk|RK) D(el|EL) I[lL][lL] O(re|RE) T(ex|EX) M(ass|ASS) M(iss|ISS)"
          + " W(ash|ASH)";

  /** The same, unless they are written in capitals. */
  private static final String SMALL_LAST_WORDS = "[Pp]p?tes? [Pp]p?tys?";

  /** Words that include their full stop and after which a sentence continues. */
  private static final String TITLES =
      "mr mrs ms mme mlle dr drs prof profs sens sen reps rep govs gov attys atty lieut lt col gen"
          + " adm maj sgt cpl pvt capt comdr cmdr pfc spc sfc supts supt det brig hon pres rev msgr"
          + " messrs insp asst ens treas"
          + " ph st ste mt wm jos alex cie ave dept ft natl assoc invt elec vs cf adj adv";

  /** The same, unless they are written in capitals. */
  private static final String SMALL_TITLES = "[Mm]fg [Mm]tg";

  /** Abbreviations before a number. */
  private static final String BEFORE_NUMBERS = "ca figs fig prop nos no art op pp";

  /** Words that begin a sentence: initials before them end the previous one. */
  private static final String FIRST_WORDS =
      "A An As At He If In It So We But Her Now One Our She The Yet You Here Last Many More Once"
          + " Some Such That Then They This What When About According Additionally After Earlier"
          + " However Other Since Their There These While Mr. Ms.";

  private static final String FILE_TYPES =
      "bat bmp c cgi cpp dll doc docx exe gif gz h htm html jar java jpeg jpg mov mp3 pdf php pl"
          + " png ppt ps py sql tar txt wav x xml zip";

  private final Map<String, TokenPattern> names = new HashMap<>();
  private final List<Rule> rules = new ArrayList<>();
  private final LongestMatch automaton;
  private final Map<TokenPattern, LongestMatch> single = new HashMap<>();

  PtbRules() {
    characters();
    words();
    mailAddresses();
    abbreviations();
    compounds();
    apostrophes();
    quotationMarks();
    numbers();
    markup();
    webAddresses();
    faces();
    marks();
    automaton = automatonOfAll();
  }

  /** Begins a new text. */
  void reset() {
    automaton.reset();
  }

  /**
   * The token at a position, or null if no rule matches; such characters do not form tokens.
   *
   * @param kinds of the text's characters, see {@link PtbCharacters#kinds}
   */
  @Nullable Found find(String text, byte[] kinds, int at) {
    int pattern = automaton.find(kinds, at);
    if (pattern == LongestMatch.NONE) {
      return null;
    }
    Rule rule = rules.get(pattern);
    int end = automaton.end();
    if (rule.behind != null) {
      end = endOfToken(rule.token, rule.behind, kinds, at, end);
    }
    return new Found(rule.form.apply(text.substring(at, end)), rule.stopTwice ? end - 1 : end);
  }

  /** Where a token ends, given where the token and what follows it end together. */
  private int endOfToken(TokenPattern token, TokenPattern behind, byte[] kinds, int from, int to) {
    LongestMatch first = single.computeIfAbsent(token, PtbRules::automatonOf);
    LongestMatch second = single.computeIfAbsent(behind, PtbRules::automatonOf);
    for (int end = to - 1; end > from; end--) {
      if (first.matches(kinds, from, end) && second.matches(kinds, end, to)) {
        return end;
      }
    }
    throw new IllegalStateException("a match of both parts that neither part matches");
  }

  private LongestMatch automatonOfAll() {
    Nodes nodes = new Nodes();
    int start = nodes.fork();
    for (int i = 0; i < rules.size(); i++) {
      Rule rule = rules.get(i);
      TokenPattern whole = rule.behind == null ? rule.token : rule.token.then(rule.behind);
      nodes.also(start, whole.addBefore(nodes.accept(i), nodes));
    }
    return new LongestMatch(nodes, start);
  }

  private static LongestMatch automatonOf(TokenPattern pattern) {
    Nodes nodes = new Nodes();
    return new LongestMatch(nodes, pattern.addBefore(nodes.accept(0), nodes));
  }

  // Parts of the rules

  private void characters() {
    name("plain-letter", "A-Za-z", Kind.LETTER, Kind.CAPITAL);
    name("capital", "A-Z", Kind.CAPITAL, Kind.CAPITAL_SYMBOL, Kind.CAPITAL_NUMERAL);
    name("digit", "0-9", Kind.DIGIT);
    name("mark", "", Kind.MARK);
    name("soft-hyphen", "", Kind.SOFT_HYPHEN);
    name("hyphen", "-", Kind.HYPHEN);
    name("dash", "", Kind.DASH);
    name("ellipsis", "", Kind.ELLIPSIS);
    name("curly", "", Kind.APOSTROPHE);
    name("turned", "`", Kind.TURNED_APOSTROPHE);
    name("comma", ",;:", Kind.COMMA);
    name("fraction-slash", "", Kind.FRACTION_SLASH);
    name("number-separator", ".:,", Kind.NUMBER_SEPARATOR, Kind.SOFT_HYPHEN);
    // No-break spaces count as spaces in some places only.
    name("space", " ", Kind.NO_BREAK_SPACE);
    name("blank", " \t", Kind.NO_BREAK_SPACE, Kind.SPACE);
    name("white", " \t\n\r\f\u000B", Kind.NO_BREAK_SPACE, Kind.SPACE, Kind.LINE_END);

    nameAnyCase("accented", "&[aeiou](acute|grave|uml);");
    name("letter", "<plain-letter> | <accented>");
    name("alnum", "<letter> | <digit>");
    name("apostrophe", "' | <curly> | &apos;");
    // Within words also characters that are typed instead of it.
    name("any-apostrophe", "<apostrophe> | <turned>");
  }

  private void words() {
    name("initial", "<letter> | <mark> | <soft-hyphen>");
    name("part", "<initial> (<initial> | <digit>)*");
    // Yahoo!Inc, end.Start: one mark between letters does not split.
    name("word", "<part> ([.!?] <part>)*");
    rule("<word>", PtbForms::withoutSoftHyphens);
    // it's: before the rules that would take the apostrophe into the word.
    nameAnyCase("clitic", "<apostrophe> (s|m|d|ll|re|ve)");
    ruleBefore("<clitic>", "<word>", PtbForms::withoutSoftHyphens);
  }

  private void mailAddresses() {
    name("mail", "[^ \t\n\u00A0\"<>|(){}]");
    name("mail-label", "[^ \t\n\u00A0\"<>|(){}.]+");
    rule("\\<? [A-Za-z0-9] <mail>* @ (<mail-label>.)* <mail-label> >?");
  }

  private void abbreviations() {
    // <b>, </b>, <a href="x">, <!-- x -->
    name("tag-name", "[A-Za-z][A-Za-z0-9_:.-]*");
    name("value", "\\ * = \\ * (\"[^\"\n]*\" | '[^'\n]*')");
    name(
        "tag",
        "\\</ <tag-name> \\ * >"
            + " | \\< <tag-name> (\\ + <tag-name> <value>?)* \\ * /? \\ * >"
            + " | \\<[!?][A-Za-z-][^>\n]* >");
    nameAnyCase("last-word", "(" + either(LAST_WORDS) + ").");
    name("last-word", "<last-word> | (" + either(CAPITAL_LAST_WORDS) + ").");
    name("last-word", "<last-word> | (" + either(SMALL_LAST_WORDS) + ").");
    ruleAtSentenceEnd("<white> (<white> | <capital>) | <white>+ <tag>", "<last-word>");
    // Rd.A is not one word, but Rd.Ab is.
    ruleBefore("[^][^]", "<last-word>", PtbForms::asIs);
    ruleBeforeAnyCase("<blank> ltd", "(co|pte|pty).", PtbForms::asIs);

    TokenPattern first = pattern("<tag>", false);
    for (String word : FIRST_WORDS.split(" ")) {
      first = first.or(pattern(word.substring(0, 1), false).then(pattern(word.substring(1), true)));
    }
    names.put("first-word", first);
    // U.S., J.
    name("initials", "([A-Za-z].)+");
    rule("<initials>");
    ruleAtSentenceEnd("<white>+ <first-word> <white>", "[A-Za-z]. <initials>");
    ruleBefore(". <white>+ <first-word> <white>", "[A-Za-z]", PtbForms::asIs);

    ruleAnyCase("(" + either(TITLES) + ").", PtbForms::asIs);
    rule("(" + either(SMALL_TITLES) + ").");
    ruleBeforeAnyCase("<white>? <digit>", "(" + either(BEFORE_NUMBERS) + ").", PtbForms::asIs);
  }

  private void compounds() {
    // T-shirt, two-year-old, 10-12, snake_case, copo-d'água
    name("piece", "([dDoOlL] <any-apostrophe> <alnum>)? <alnum>+");
    name("joined", "<piece> ((_ | <hyphen>) <piece>)*");
    rule("<joined>");
    // U.S.-based, 1,000-seat
    name("front", "[A-Za-z0-9] ([A-Za-z0-9.,] | <soft-hyphen>)*");
    name("back", "([A-Za-z0-9] | <soft-hyphen>)+ | [A-Za-z]. <initials>");
    name("hyphenated", "<front> (- (<back>))+");
    rule("<hyphenated>", PtbForms::withoutSoftHyphens);
    // and/or, w/o, 24/7, TCP/IP-based
    name("slashed", "[A-Za-z0-9]+ (-[A-Za-z]+){0,2}");
    rule("<slashed> (\\\\? / <slashed>){1,2}");
    // AT&T
    name("firm", "[A-Z]+ ((& | &amp; | \\+) [A-Z]+)+");
    rule("<firm>", PtbForms::plainAmpersands);
    // A full stop before a comma belongs to an abbreviation.
    ruleBefore(
        "<comma>", "(<word> | <joined> | <hyphenated> | <firm>).", PtbForms::withoutSoftHyphens);
    rule("[cC]\\+\\+ | [cCfF]#");
    rule("[A-Z]+$");
  }

  private void apostrophes() {
    // O'Neil, Hawai'i, d'
    rule("[oO] <any-apostrophe> [oO]");
    rule("[A-HJ-XZn] <any-apostrophe> <letter> <letter>+");
    rule("<letter>+ [aeiouyAEIOUY] <any-apostrophe> [aeiouA-Z] <letter>*");
    rule("[dDlLjJ] <apostrophe>");
    ruleBefore("<letter>", "[yY] <apostrophe>", PtbForms::asIs);
    ruleAnyCase("c'mon | s'mores | li'l | nat'l | e'er | nor'easter | ev'ry", PtbForms::asIs);
    ruleAnyCase("c<apostrophe>est | ol<apostrophe> | cap<apostrophe>n", PtbForms::asIs);
    ruleAnyCase("<apostrophe>(em | till? | cause | n | n<apostrophe>)", PtbForms::asIs);
    // '90s, '98
    rule("<apostrophe> [2-9]0[sS]");
    ruleBefore("<white>", "<apostrophe> [0-9][0-9]", PtbForms::asIs);
    // it 's
    ruleBeforeAnyCase("[^A-Za-z]", "'(s|m|d|ll|re|ve)", PtbForms::asIs);
    ruleAnyCase("(<curly> | &apos;)(s|m|d|ll|re|ve)", PtbForms::straightApostrophes);
    // ca n't
    nameAnyCase("not", "n <any-apostrophe> t");
    rule("<not>", PtbForms::straightApostrophes);
    ruleBeforeAnyCase(
        "<not>", "([A-Z] | <soft-hyphen>)* [A-MO-Z] <soft-hyphen>*", PtbForms::withoutSoftHyphens);
    // 't is
    ruleBeforeAnyCase("is | was", "'t", PtbForms::asIs);
    // gon na
    ruleBeforeAnyCase("not[^A-Za-z0-9]", "can", PtbForms::asIs);
    ruleBeforeAnyCase("na[^A-Za-z0-9]", "gon | wan", PtbForms::asIs);
    ruleBeforeAnyCase("ta[^A-Za-z0-9]", "got", PtbForms::asIs);
    ruleBeforeAnyCase("me[^A-Za-z0-9]", "gim | lem", PtbForms::asIs);
  }

  /** Straight quotation marks open before a word and close elsewhere, whatever precedes them. */
  private void quotationMarks() {
    ruleBefore("[A-Za-z] [^ \t\n\u00A0]", "'", t -> "`");
    ruleBefore("[A-Za-z0-9$]", "\" | &quot;", t -> "``");
    rule("\" | &quot;", t -> "''");
    rule("&apos;", t -> "'");
    name(
        "quotation-mark",
        "`",
        Kind.TURNED_APOSTROPHE,
        Kind.OPENING_QUOTE,
        Kind.APOSTROPHE,
        Kind.CLOSING_QUOTE,
        Kind.LOW_QUOTE);
    rule("<quotation-mark>{1,2}", PtbForms::quotes);
    rule("''");
  }

  private void numbers() {
    rule(
        "[+-]? (<digit>+ | <digit>* (<number-separator> <digit>+)+)", PtbForms::withoutSoftHyphens);
    // 3/4, 3 3/4
    name("gap", "- | <space>");
    rule(
        "(<digit>{1,4} <gap>)? <digit>{1,4} (\\\\? / | <fraction-slash>) <digit>{1,4}",
        PtbForms::spaced);
    // 05/06/2010
    rule("<digit>{1,2} [/-] <digit>{1,2} [/-] <digit>{2,4}");
    // (415) 555-0199, 415 555 0199
    rule(
        "(\\([0-9]{2,3}\\) <space>? | \\+{0,2} ([0-9]{2,4} <gap>)? [0-9]{2,4} <gap>)"
            + " [0-9]{3,4} <gap>? [0-9]{3,5}",
        PtbForms::spaced);
    name("superscript", "", Kind.SUPERSCRIPT);
    name("superscript-sign", "", Kind.SUPERSCRIPT_SIGN);
    name("subscript", "", Kind.SUBSCRIPT);
    name("subscript-sign", "", Kind.SUBSCRIPT_SIGN);
    rule("<superscript-sign>? <superscript>+ | <subscript-sign>? <subscript>+");
  }

  private void markup() {
    rule("<tag>", PtbForms::noBreakSpaces);
    ruleAnyCase("&amp;", t -> "&");
    ruleAnyCase("&lt;", t -> "<");
    ruleAnyCase("&gt;", t -> ">");
    ruleAnyCase("&(md | mdash | ndash);", t -> "--");
    ruleAnyCase("&nbsp;", t -> "");
    ruleAnyCase("&(ht|tl|ur|lr|qc|ql|qr|odq|cdq|quot|apos| #[0-9]+);", PtbForms::asIs);
  }

  private void webAddresses() {
    name("url", "[^ \t\n\"<>|(){}]");
    name("url-end", "[^ \t\n\"<>|(){}.!?,-]");
    name("path", "(/ [^ \t\n\"<>|()]+ <url-end>)?");
    ruleAnyCase("https?:// <url>+ <url-end>", PtbForms::asIs);
    name("host", "[^ \t\n\"<>|(){}.!?,]+");
    ruleAnyCase("www. (<host>.)+ [a-z]{2,4} <path>", PtbForms::asIs);
    name("label", "[^ \t\n!\"$'(),./0-9:;<=>?@A-Z\\[\\\\\\]\\^_`{|}-]+");
    nameAnyCase("top-level", "com|net|org|edu");
    rule("<label> (.<label>)* . <top-level> <path>");
    // img01.jpg
    ruleBeforeAnyCase(
        "<white> | [.,!?]",
        "(<initial> | <digit>)+ (. (<initial> | <digit>)+)* . (" + either(FILE_TYPES) + ")",
        PtbForms::asIs);
    rule("@ [A-Za-z_][A-Za-z0-9_]* | # <initial>+");
  }

  private void faces() {
    // :-) ;) =D
    ruleBefore(
        "[^A-Za-z0-9]", "[<>]? [:;=] [o*'-]? [()DPdpO\\\\{@|\\[\\]]", PtbForms::roundBrackets);
    // ^_^ (^.^)
    name("eye", "[\\^x=~<>'-]");
    rule("<eye>_<eye> | \\(<eye>[_.]?<eye>\\)", PtbForms::roundBrackets);
    rule("\\( [\\^x=~<>'] - [\\^x=~<>'`] \\)", PtbForms::roundBrackets);
  }

  private void marks() {
    rule("<blank>+", t -> "");
    ruleAnyCase("-[lr][rcs]b-", PtbForms::asIs);
    rule("-{5,}");
    rule("-{2,4} | <dash>", t -> "--");
    rule(".{3,5} | . (<space>.){2,4} | <ellipsis>", t -> "...");
    rule("[?!]+ | _+ | #+ | @+ | \\*+ | \\\\\\* | \\<\\< | >>");
    name(
        "single",
        "!-/:-@\\[-`{-~",
        Kind.SYMBOL,
        Kind.CAPITAL_SYMBOL,
        Kind.SUPERSCRIPT_SIGN,
        Kind.SUBSCRIPT_SIGN,
        Kind.FRACTION,
        Kind.FRACTION_SLASH,
        Kind.CURRENCY,
        Kind.COMMA);
    rule("<single>", PtbForms::symbol);
  }

  // Declaring them

  private static String either(String words) {
    return words.replace(' ', '|');
  }

  private TokenPattern pattern(String notation, boolean anyCase) {
    return TokenPattern.of(notation, names, anyCase);
  }

  /** Defines a set of ASCII characters, as in square brackets, and some kinds. */
  private void name(String name, String ascii, Kind... kinds) {
    if (kinds.length == 0) {
      names.put(name, pattern(ascii, false));
      return;
    }
    TokenPattern set = TokenPattern.anyOf(PtbCharacters.set(kinds));
    names.put(name, ascii.isEmpty() ? set : set.or(pattern("[" + ascii + "]", false)));
  }

  private void nameAnyCase(String name, String notation) {
    names.put(name, pattern(notation, true));
  }

  private void rule(String token) {
    rule(token, PtbForms::asIs);
  }

  private void rule(String token, UnaryOperator<String> form) {
    rules.add(new Rule(pattern(token, false), null, form, false));
  }

  private void ruleAnyCase(String token, UnaryOperator<String> form) {
    rules.add(new Rule(pattern(token, true), null, form, false));
  }

  private void ruleBefore(String behind, String token, UnaryOperator<String> form) {
    rules.add(new Rule(pattern(token, false), pattern(behind, false), form, false));
  }

  private void ruleBeforeAnyCase(String behind, String token, UnaryOperator<String> form) {
    rules.add(new Rule(pattern(token, true), pattern(behind, true), form, false));
  }

  private void ruleAtSentenceEnd(String behind, String token) {
    rules.add(new Rule(pattern(token, false), pattern(behind, false), PtbForms::asIs, true));
  }
}
