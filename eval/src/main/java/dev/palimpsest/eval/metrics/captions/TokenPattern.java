package dev.palimpsest.eval.metrics.captions;

import dev.palimpsest.eval.metrics.captions.LongestMatch.Nodes;
import java.util.BitSet;
import java.util.Map;

/**
 * What a token looks like, in a small notation for regular expressions.
 *
 * <p>Characters represent themselves. White space is ignored. {@code <name>} is a named pattern,
 * {@code [a-z_]} and {@code [^ab]} are sets of ASCII characters, {@code ( | )} groups alternatives,
 * {@code ? * + {2,4} {5,}} repeat, {@code \} takes the next character as it is.
 */
interface TokenPattern {
  /**
   * Adds this pattern to a graph, before a node.
   *
   * @return the node at which it begins
   */
  int addBefore(int node, Nodes nodes);

  /** One character of a set of kinds. */
  static TokenPattern anyOf(BitSet kinds) {
    return (node, nodes) -> nodes.reading(kinds, node);
  }

  /** One pattern, then another. */
  default TokenPattern then(TokenPattern second) {
    return (node, nodes) -> addBefore(second.addBefore(node, nodes), nodes);
  }

  /** One pattern or another. */
  default TokenPattern or(TokenPattern other) {
    return (node, nodes) -> nodes.fork(addBefore(node, nodes), other.addBefore(node, nodes));
  }

  default TokenPattern optional() {
    return (node, nodes) -> nodes.fork(addBefore(node, nodes), node);
  }

  /** Any number of times, including none. */
  default TokenPattern repeated() {
    return (node, nodes) -> {
      int again = nodes.fork(node);
      nodes.also(again, addBefore(again, nodes));
      return again;
    };
  }

  default TokenPattern times(int least, int most) {
    return (node, nodes) -> {
      int begin = node;
      for (int i = 0; i < most; i++) {
        begin = (i < most - least ? optional() : this).addBefore(begin, nodes);
      }
      return begin;
    };
  }

  /**
   * Reads the notation.
   *
   * @param names the patterns that have a name
   * @param anyCase whether letters stand for both of their cases
   */
  static TokenPattern of(String notation, Map<String, TokenPattern> names, boolean anyCase) {
    return new Notation(notation, names, anyCase).read();
  }

  /** A reader of the notation. */
  final class Notation {
    private final String text;
    private final Map<String, TokenPattern> names;
    private final boolean anyCase;
    private int at;

    private Notation(String text, Map<String, TokenPattern> names, boolean anyCase) {
      this.text = text;
      this.names = names;
      this.anyCase = anyCase;
    }

    private TokenPattern read() {
      TokenPattern pattern = alternatives();
      if (at < text.length()) {
        throw mistake("unexpected " + text.charAt(at));
      }
      return pattern;
    }

    private TokenPattern alternatives() {
      TokenPattern pattern = sequence();
      while (peek() == '|') {
        at++;
        pattern = pattern.or(sequence());
      }
      return pattern;
    }

    private TokenPattern sequence() {
      TokenPattern pattern = (node, nodes) -> node;
      while (peek() != 0 && peek() != '|' && peek() != ')') {
        pattern = pattern.then(item());
      }
      return pattern;
    }

    private TokenPattern item() {
      TokenPattern pattern = atom();
      while (true) {
        switch (peek()) {
          case '?' -> pattern = pattern.optional();
          case '*' -> pattern = pattern.repeated();
          case '+' -> pattern = pattern.then(pattern.repeated());
          case '{' -> {
            String[] bounds = upTo('}').substring(1).split(",", -1);
            int least = Integer.parseInt(bounds[0]);
            pattern =
                bounds[1].isEmpty()
                    ? pattern.times(least, least).then(pattern.repeated())
                    : pattern.times(least, Integer.parseInt(bounds[1]));
          }
          default -> {
            return pattern;
          }
        }
        at++;
      }
    }

    private TokenPattern atom() {
      char c = peek();
      at++;
      return switch (c) {
        case '(' -> {
          TokenPattern inside = alternatives();
          if (peek() != ')') {
            throw mistake("a ( is not closed");
          }
          at++;
          yield inside;
        }
        case '<' -> {
          at--;
          String name = upTo('>').substring(1);
          at++;
          TokenPattern named = names.get(name);
          if (named == null) {
            throw mistake("no pattern has the name " + name);
          }
          yield named;
        }
        case '[' -> anyOf(set());
        case '\\' -> anyOf(only(text.charAt(at++)));
        default -> anyOf(only(c));
      };
    }

    /** The text up to a closing character, which becomes the current position. */
    private String upTo(char closing) {
      int from = at;
      at = text.indexOf(closing, from);
      if (at < 0) {
        throw mistake(closing + " is missing");
      }
      return text.substring(from, at);
    }

    private BitSet set() {
      BitSet set = new BitSet(PtbCharacters.KINDS);
      boolean complement = text.charAt(at) == '^';
      at += complement ? 1 : 0;
      while (text.charAt(at) != ']') {
        at += text.charAt(at) == '\\' ? 1 : 0;
        char first = text.charAt(at++);
        char last = first;
        if (text.charAt(at) == '-' && text.charAt(at + 1) != ']') {
          last = text.charAt(at + 1);
          at += 2;
        }
        for (char c = first; c <= last; c++) {
          set.or(only(c));
        }
      }
      at++;
      if (complement) {
        set.flip(0, PtbCharacters.KINDS);
      }
      return set;
    }

    private BitSet only(char c) {
      BitSet set = new BitSet(PtbCharacters.KINDS);
      set.set(PtbCharacters.kind(c));
      if (anyCase && c < 128) {
        set.set(Character.toLowerCase(c));
        set.set(Character.toUpperCase(c));
      }
      return set;
    }

    /** The next significant character, or 0 at the end. */
    private char peek() {
      while (at < text.length() && text.charAt(at) == ' ') {
        at++;
      }
      return at < text.length() ? text.charAt(at) : 0;
    }

    private IllegalArgumentException mistake(String what) {
      return new IllegalArgumentException(what + " in the pattern " + text + " before " + at);
    }
  }
}
