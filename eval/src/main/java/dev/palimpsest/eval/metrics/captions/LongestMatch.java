package dev.palimpsest.eval.metrics.captions;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Matches several patterns at once: the longest match wins, and the earlier pattern on a tie.
 *
 * <p>A finite automaton over kinds of characters. Its states are created when a text first reaches
 * them (most captions need a few dozen of thousands), so nothing needs to be generated beforehand.
 * Time is linear in the text, whatever the patterns and the text: a search that continued in vain
 * beyond its match marks where it went, and a later search that reaches a mark stops there (Reps,
 * "Maximal-munch tokenization in linear time", 1998).
 *
 * <p>Not thread-safe.
 */
final class LongestMatch {
  /** Returned if no pattern matches. */
  static final int NONE = -1;

  private static final int UNKNOWN = -1;
  private static final int DEAD = -2;

  private final Nodes nodes;
  private final List<State> states = new ArrayList<>();
  private final Map<BitSet, Integer> stateOf = new HashMap<>();
  private final Marks marks = new Marks();
  private int end;

  /**
   * The nodes that a deterministic state represents, and where each kind of character leads from
   * it.
   */
  private record State(BitSet nodes, int pattern, int[] next) {}

  /** The patterns as a graph: a walk through it that reads a text matches the text. */
  static final class Nodes {
    private final List<BitSet> reads = new ArrayList<>();
    private final List<int[]> next = new ArrayList<>();
    private final List<Integer> patternAt = new ArrayList<>();

    /** Reads one character of a set and continues. */
    int reading(BitSet kinds, int to) {
      return add(kinds, NONE, to);
    }

    /** Continues in several ways without reading. */
    int fork(int... to) {
      return add(new BitSet(), NONE, to);
    }

    /** Adds another way to a fork. */
    void also(int fork, int to) {
      int[] ways = next.get(fork);
      int[] more = Arrays.copyOf(ways, ways.length + 1);
      more[ways.length] = to;
      next.set(fork, more);
    }

    /** The end of a pattern. */
    int accept(int pattern) {
      return add(new BitSet(), pattern);
    }

    private int add(BitSet kinds, int pattern, int... to) {
      reads.add(kinds);
      next.add(to);
      patternAt.add(pattern);
      return next.size() - 1;
    }

    /** Adds a node and all nodes that can be reached from it without reading. */
    private void reach(int node, BitSet reached) {
      if (reached.get(node)) {
        return;
      }
      reached.set(node);
      if (reads.get(node).isEmpty()) {
        for (int to : next.get(node)) {
          reach(to, reached);
        }
      }
    }
  }

  /** The states and positions that led to no match, in an open hash table. */
  private static final class Marks {
    private static final long FREE = -1;

    private long[] table = new long[256];
    private int size;

    Marks() {
      Arrays.fill(table, FREE);
    }

    void clear() {
      if (size > 0) {
        table = size > 4096 ? new long[256] : table;
        Arrays.fill(table, FREE);
        size = 0;
      }
    }

    boolean has(int state, int position) {
      return size > 0 && table[slot(key(state, position))] != FREE;
    }

    void add(int state, int position) {
      if (2 * size >= table.length) {
        long[] old = table;
        table = new long[2 * old.length];
        Arrays.fill(table, FREE);
        for (long key : old) {
          if (key != FREE) {
            table[slot(key)] = key;
          }
        }
      }
      long key = key(state, position);
      int slot = slot(key);
      size += table[slot] == FREE ? 1 : 0;
      table[slot] = key;
    }

    private static long key(int state, int position) {
      return ((long) state << 32) | position;
    }

    private int slot(long key) {
      long mixed = key * 0x9E3779B97F4A7C15L;
      int slot = (int) (mixed >>> 40) & (table.length - 1);
      while (table[slot] != FREE && table[slot] != key) {
        slot = (slot + 1) & (table.length - 1);
      }
      return slot;
    }
  }

  /**
   * @param start the node at which every pattern begins
   */
  LongestMatch(Nodes nodes, int start) {
    this.nodes = nodes;
    BitSet first = new BitSet();
    nodes.reach(start, first);
    stateFor(first);
  }

  /** Begins a new text: the marks of the previous text are not valid for it. */
  void reset() {
    marks.clear();
  }

  /**
   * The pattern with the longest match at a position, or {@link #NONE}; {@link #end()} returns
   * where the match ends.
   *
   * @param kinds of the text's characters, see {@link PtbCharacters#kinds}
   */
  int find(byte[] kinds, int at) {
    int state = 0;
    int position = at;
    int pattern = NONE;
    end = at;
    while (position < kinds.length) {
      state = next(state, Byte.toUnsignedInt(kinds[position]));
      position++;
      if (state == DEAD) {
        break;
      }
      int found = states.get(state).pattern;
      if (found != NONE) {
        pattern = found;
        end = position;
      } else if (marks.has(state, position)) {
        break;
      }
    }
    if (position > end + 1) {
      mark(kinds, at, position);
    }
    return pattern;
  }

  /** Where the last match ends. */
  int end() {
    return end;
  }

  /** Whether some pattern matches the whole text between two positions. */
  boolean matches(byte[] kinds, int from, int to) {
    int state = 0;
    for (int i = from; i < to && state != DEAD; i++) {
      state = next(state, Byte.toUnsignedInt(kinds[i]));
    }
    return state != DEAD && states.get(state).pattern != NONE;
  }

  /**
   * Follows the path from {@code at} again and marks what lies between the match and its last
   * state.
   */
  private void mark(byte[] kinds, int at, int last) {
    int state = 0;
    for (int position = at; position < last && state != DEAD; position++) {
      state = next(state, Byte.toUnsignedInt(kinds[position]));
      if (position + 1 > end && state != DEAD) {
        marks.add(state, position + 1);
      }
    }
  }

  private int next(int state, int kind) {
    int[] next = states.get(state).next;
    if (next[kind] == UNKNOWN) {
      next[kind] = makeNext(states.get(state).nodes, kind);
    }
    return next[kind];
  }

  private int makeNext(BitSet from, int kind) {
    BitSet reached = new BitSet();
    for (int node = from.nextSetBit(0); node >= 0; node = from.nextSetBit(node + 1)) {
      if (nodes.reads.get(node).get(kind)) {
        nodes.reach(nodes.next.get(node)[0], reached);
      }
    }
    return reached.isEmpty() ? DEAD : stateFor(reached);
  }

  private int stateFor(BitSet reached) {
    Integer known = stateOf.get(reached);
    if (known != null) {
      return known;
    }
    int pattern = NONE;
    for (int node = reached.nextSetBit(0); node >= 0; node = reached.nextSetBit(node + 1)) {
      int here = nodes.patternAt.get(node);
      if (here != NONE && (pattern == NONE || here < pattern)) {
        pattern = here;
      }
    }
    int[] next = new int[PtbCharacters.KINDS];
    Arrays.fill(next, UNKNOWN);
    states.add(new State(reached, pattern, next));
    stateOf.put(reached, states.size() - 1);
    return states.size() - 1;
  }
}
