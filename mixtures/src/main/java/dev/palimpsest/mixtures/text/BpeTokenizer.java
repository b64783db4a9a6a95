package dev.palimpsest.mixtures.text;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Byte-pair encoding as SentencePiece computes it for Gemma: spaces become U+2581, user-defined
 * pieces are extracted first (longest match) and stay whole, the other characters are merged
 * pairwise, and characters without a piece become bytes. Immutable and thread-safe.
 *
 * <p>The names of the four special pieces are never matched in text, whichever kind of file was
 * read: a prompt that spells {@code <eos>} does not end the sequence.
 */
final class BpeTokenizer implements Tokenizer {
  private static final char SPACE = '\u2581';
  private static final char REPLACEMENT = '\uFFFD';

  /** What a row stands for that only fills up a model's embedding. */
  private static final Piece NONE = new Piece("", 0, Piece.Type.CONTROL);

  /**
   * Roots in the table of user-defined pieces: matched in the original text, or in the text with
   * U+2581.
   */
  private static final int LITERAL_ROOT = 0;

  private static final int ROOT = 1;

  private final List<Piece> pieces;
  private final Merges merges;

  /** Symbol of a character that has a piece of its own or occurs in one; otherwise -1. */
  private final int[] characterSymbols = new int[Character.MAX_CODE_POINT + 1];

  /**
   * Characters that occur in pieces but have none of their own: symbols from {@code pieces.size()}
   * on.
   */
  private final int[] ghosts;

  /** Id of each byte's piece. */
  private final int[] byteIds = new int[256];

  /** Trie: (node, character) to node. */
  private final PairTable atomNodes = new PairTable(1 << 12);

  /** Id of the user-defined piece that ends at a node, or -1. */
  private int[] atomIds = {-1, -1};

  /**
   * Creates a tokenizer.
   *
   * @param pieces in order of id
   * @param merges null: they are derived from the scores
   * @param literal which user-defined pieces are matched in the text before spaces are replaced
   */
  BpeTokenizer(List<Piece> pieces, @Nullable Merges merges, IntPredicate literal) {
    this.pieces = List.copyOf(pieces);
    checkSpecials();
    Map<String, Integer> symbols = new HashMap<>();
    Arrays.fill(byteIds, -1);
    for (int id = 0; id < pieces.size(); id++) {
      Piece piece = pieces.get(id);
      switch (piece.type()) {
        case NORMAL -> {
          if (piece.text().isEmpty() || symbols.put(piece.text(), id) != null) {
            throw new IllegalArgumentException(
                "piece %d, '%s', is empty or occurs twice".formatted(id, piece.text()));
          }
        }
        case USER_DEFINED -> {
          boolean asSpelt = literal.test(id);
          addAtom(
              id,
              asSpelt ? piece.text() : piece.text().replace(' ', SPACE),
              asSpelt ? LITERAL_ROOT : ROOT);
        }
        case BYTE -> byteIds[byteValue(id, piece.text())] = id;
        default -> {} // never matched: in a text this is ordinary text
      }
    }
    for (int value = 0; value < 256; value++) {
      if (byteIds[value] < 0) {
        throw new IllegalArgumentException(
            "byte piece " + Piece.byteText(value) + " is missing: all 256 are needed");
      }
    }
    int[] characters =
        symbols.keySet().stream().flatMapToInt(String::codePoints).distinct().sorted().toArray();
    ghosts =
        Arrays.stream(characters)
            .filter(c -> !symbols.containsKey(Character.toString(c)))
            .toArray();
    for (int i = 0; i < ghosts.length; i++) {
      symbols.put(Character.toString(ghosts[i]), pieces.size() + i);
    }
    Arrays.fill(characterSymbols, -1);
    for (int c : characters) {
      characterSymbols[c] = symbols.getOrDefault(Character.toString(c), -1);
    }
    this.merges = merges == null ? Merges.ofScores(pieces, symbols) : merges;
  }

  private void checkSpecials() {
    List<Piece> specials = Piece.specials();
    for (int id = 0; id < specials.size(); id++) {
      String expected = specials.get(id).text();
      String found = id < pieces.size() ? pieces.get(id).text() : "nothing";
      if (!found.equals(expected)) {
        throw new IllegalArgumentException(
            "id %d must be %s as in Gemma's vocabulary, found '%s'".formatted(id, expected, found));
      }
    }
  }

  private static int byteValue(int id, String text) {
    if (!text.matches("<0x[0-9A-F]{2}>")) {
      throw new IllegalArgumentException(
          "piece %d is of type BYTE but is named '%s' instead of <0x00> to <0xFF>"
              .formatted(id, text));
    }
    return hex(text);
  }

  private static int hex(String byteText) {
    return Integer.parseInt(byteText, 3, 5, 16);
  }

  private void addAtom(int id, String text, int root) {
    int node = root;
    for (int i = 0; i < text.length(); i++) {
      long next = atomNodes.get(node, text.charAt(i));
      if (next == PairTable.MISSING) {
        next = atomIds.length;
        atomNodes.put(node, text.charAt(i), next);
        atomIds = Arrays.copyOf(atomIds, atomIds.length + 1);
        atomIds[(int) next] = -1;
      }
      node = (int) next;
    }
    atomIds[node] = id;
  }

  @Override
  public int vocabularySize() {
    return pieces.size();
  }

  /** The vocabulary, in order of id. */
  List<Piece> pieces() {
    return pieces;
  }

  @Override
  public int[] encode(String text) {
    Symbols symbols = new Symbols(text.length());
    for (int i = 0; i < text.length(); ) {
      long atom = Math.max(atomAt(text, i, ROOT), atomAt(text, i, LITERAL_ROOT));
      if (atom > 0) {
        symbols.append(~(int) atom);
        i += (int) (atom >>> 32);
        continue;
      }
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      if (c == ' ') {
        c = SPACE;
      } else if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
        c = REPLACEMENT; // half of a surrogate pair is not a character and has no UTF-8
      }
      if (characterSymbols[c] >= 0) {
        symbols.append(characterSymbols[c]);
      } else {
        for (byte b : utf8(c)) {
          symbols.append(~byteIds[b & 0xff]);
        }
      }
    }
    symbols.merge(merges);
    return ids(symbols);
  }

  /** Length (high half) and id (low half) of the longest user-defined piece here, or 0. */
  private long atomAt(String text, int from, int root) {
    long longest = 0;
    long node = root;
    for (int i = from; i < text.length(); i++) {
      char c = text.charAt(i);
      node = atomNodes.get((int) node, root == ROOT && c == ' ' ? SPACE : c);
      if (node == PairTable.MISSING) {
        break;
      }
      if (atomIds[(int) node] >= 0) {
        longest = (long) (i + 1 - from) << 32 | atomIds[(int) node];
      }
    }
    return longest;
  }

  private int[] ids(Symbols symbols) {
    int[] ids = new int[symbols.count];
    int length = 0;
    for (int at = 0; at < symbols.count; at = symbols.next[at]) {
      int symbol = symbols.values[at];
      if (symbol < pieces.size()) {
        ids[length++] = symbol < 0 ? ~symbol : symbol;
        continue;
      }
      byte[] bytes = utf8(ghosts[symbol - pieces.size()]);
      ids = Arrays.copyOf(ids, ids.length + bytes.length - 1);
      for (byte b : bytes) {
        ids[length++] = byteIds[b & 0xff];
      }
    }
    return Arrays.copyOf(ids, length);
  }

  private static byte[] utf8(int codePoint) {
    return Character.toString(codePoint).getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public String decode(int[] ids) {
    StringBuilder text = new StringBuilder();
    byte[] bytes = new byte[ids.length];
    int pending = 0;
    for (int id : ids) {
      if (id == EOS) {
        break;
      }
      if (id < 0) {
        throw new IllegalArgumentException("id %d is negative".formatted(id));
      }
      Piece piece = id < pieces.size() ? pieces.get(id) : NONE;
      if (piece.type() == Piece.Type.BYTE) {
        bytes[pending++] = (byte) hex(piece.text());
        continue;
      }
      appendUtf8(text, bytes, pending);
      pending = 0;
      switch (piece.type()) {
        case CONTROL -> {}
        case UNKNOWN -> text.append(" \u2047 "); // SentencePiece's default unk_surface
        default -> text.append(piece.text().replace(SPACE, ' '));
      }
    }
    appendUtf8(text, bytes, pending);
    return text.toString();
  }

  /**
   * Decodes bytes; as in SentencePiece, every byte that does not begin a character becomes one
   * U+FFFD.
   */
  private static void appendUtf8(StringBuilder text, byte[] bytes, int length) {
    for (int i = 0; i < length; ) {
      int b = bytes[i] & 0xff;
      int size = b < 0x80 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
      String decoded = new String(bytes, i, Math.min(size, length - i), StandardCharsets.UTF_8);
      boolean whole =
          decoded.codePointCount(0, decoded.length()) == 1
              && decoded.getBytes(StandardCharsets.UTF_8).length == size
              && decoded.getBytes(StandardCharsets.UTF_8)[0] == bytes[i];
      text.append(whole ? decoded : String.valueOf(REPLACEMENT));
      i += whole ? size : 1;
    }
  }

  /**
   * A text being tokenised: a linked list of symbols. Ids that can be merged are not negative;
   * finished ones are stored as {@code ~id}.
   */
  private static final class Symbols {
    private int[] values;
    private int[] next = {};
    private int count;

    Symbols(int expected) {
      values = new int[expected];
    }

    void append(int symbol) {
      if (count == values.length) {
        values = Arrays.copyOf(values, 2 * count + 4);
      }
      values[count++] = symbol;
    }

    /**
     * Merges until nothing is left to merge; a merged symbol keeps the position of its first part.
     */
    void merge(Merges merges) {
      next = new int[count];
      int[] previous = new int[count];
      LongHeap agenda = new LongHeap(count);
      for (int i = 0; i < count; i++) {
        next[i] = i + 1;
        previous[i] = i - 1;
        propose(agenda, merges, i);
      }
      boolean[] absorbed = new boolean[count];
      while (!agenda.isEmpty()) {
        long best = agenda.pop();
        int left = (int) best;
        int right = absorbed[left] ? count : next[left];
        if (right >= count) {
          continue;
        }
        long merge = merges.get(values[left], values[right]);
        if (merge == PairTable.MISSING || merge >>> 32 != best >>> 32) {
          continue; // one of the two has been merged with another neighbour since
        }
        values[left] = (int) merge;
        absorbed[right] = true;
        next[left] = next[right];
        if (next[left] < count) {
          previous[next[left]] = left;
        }
        propose(agenda, merges, left);
        if (previous[left] >= 0) {
          propose(agenda, merges, previous[left]);
        }
      }
    }

    private void propose(LongHeap agenda, Merges merges, int left) {
      int right = left + 1 == count ? count : next[left];
      if (right < count) {
        long merge = merges.get(values[left], values[right]);
        if (merge != PairTable.MISSING) {
          agenda.push((merge >>> 32) << 32 | left);
        }
      }
    }
  }

  /** A binary heap of longs, smallest first. */
  private static final class LongHeap {
    private long[] values;
    private int size;

    LongHeap(int expected) {
      values = new long[Math.max(4, expected)];
    }

    boolean isEmpty() {
      return size == 0;
    }

    void push(long value) {
      if (size == values.length) {
        values = Arrays.copyOf(values, 2 * size);
      }
      int at = size++;
      while (at > 0 && values[(at - 1) >> 1] > value) {
        values[at] = values[(at - 1) >> 1];
        at = (at - 1) >> 1;
      }
      values[at] = value;
    }

    long pop() {
      long least = values[0];
      long last = values[--size];
      int at = 0;
      for (int child = 1; child < size; child = 2 * at + 1) {
        if (child + 1 < size && values[child + 1] < values[child]) {
          child++;
        }
        if (values[child] >= last) {
          break;
        }
        values[at] = values[child];
        at = child;
      }
      values[at] = last;
      return least;
    }
  }
}
