package dev.palimpsest.mixtures.text;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Trains a small vocabulary like Gemma's (byte-pair encoding with byte fallback, single digits,
 * pieces within words), for rehearsals and tests. Every merge recounts all distinct words, which is
 * fast enough for a few thousand pieces but not for a real vocabulary.
 */
public final class BpeTrainer {
  /** Location tokens, {@code <loc0000>} on. */
  public static final int LOCATIONS = 1024;

  /** Segmentation tokens, {@code <seg000>} on. */
  public static final int SEGMENTS = 128;

  private static final char SPACE = '\u2581';
  private static final String NEWLINE = "\n";

  private BpeTrainer() {}

  /**
   * Learns pieces. The same corpus gives the same pieces.
   *
   * @param corpus texts as they will be tokenised
   * @param vocabulary the most pieces before the location and segmentation tokens: the four special
   *     ones, 256 bytes, the newline, merges, and characters. A corpus with little to merge gives
   *     fewer
   * @return pieces in order of id, the {@value #LOCATIONS} location and {@value #SEGMENTS}
   *     segmentation tokens last
   * @throws IllegalArgumentException when the vocabulary has no room for a character
   */
  public static List<Piece> train(Iterable<String> corpus, int vocabulary) {
    List<Piece> pieces = new ArrayList<>(Piece.specials());
    pieces.addAll(Piece.bytes());
    pieces.add(new Piece(NEWLINE, 0, Piece.Type.USER_DEFINED));
    int room = vocabulary - pieces.size();
    if (room < 1) {
      throw new IllegalArgumentException(
          "a vocabulary needs more than %d pieces (special ones, bytes and newline), got %d"
              .formatted(pieces.size(), vocabulary));
    }
    Map<String, Long> words = words(corpus);
    List<String> characters = characters(words, room);
    List<String> merged = merge(words, new HashSet<>(characters), room - characters.size());
    merged.addAll(characters);
    for (int i = 0; i < merged.size(); i++) {
      pieces.add(new Piece(merged.get(i), -i, Piece.Type.NORMAL));
    }
    return withLocationsAndSegments(pieces);
  }

  /** A vocabulary with PaliGemma's location and segmentation tokens after its own. */
  public static List<Piece> withLocationsAndSegments(List<Piece> vocabulary) {
    List<Piece> pieces = new ArrayList<>(vocabulary);
    for (int i = 0; i < LOCATIONS; i++) {
      pieces.add(new Piece("<loc%04d>".formatted(i), 0, Piece.Type.USER_DEFINED));
    }
    for (int i = 0; i < SEGMENTS; i++) {
      pieces.add(new Piece("<seg%03d>".formatted(i), 0, Piece.Type.USER_DEFINED));
    }
    return List.copyOf(pieces);
  }

  /**
   * Distinct words with their counts; a space begins a word, a digit is a word of its own, and a
   * newline is not part of a word.
   */
  private static Map<String, Long> words(Iterable<String> corpus) {
    TreeMap<String, Long> words = new TreeMap<>();
    StringBuilder word = new StringBuilder();
    for (String text : corpus) {
      text.replaceAll("<loc\\d{4}>|<seg\\d{3}>", NEWLINE)
          .codePoints()
          .forEach(
              c -> {
                boolean alone = c == '\n' || Character.isDigit(c);
                if (c == ' ' || c == SPACE || alone) {
                  flush(word, words);
                }
                if (c != '\n') {
                  word.appendCodePoint(c == ' ' ? SPACE : c);
                }
                if (alone) {
                  flush(word, words);
                }
              });
      flush(word, words);
    }
    return words;
  }

  private static void flush(StringBuilder word, Map<String, Long> words) {
    if (!word.isEmpty()) {
      words.merge(word.toString(), 1L, Long::sum);
      word.setLength(0);
    }
  }

  /**
   * As many characters as there is room for, the most frequent ones first; the rest become bytes.
   */
  private static List<String> characters(Map<String, Long> words, int room) {
    TreeMap<String, Long> counts = new TreeMap<>();
    words.forEach(
        (word, count) ->
            word.codePoints().forEach(c -> counts.merge(Character.toString(c), count, Long::sum)));
    return counts.entrySet().stream()
        .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
        .limit(room)
        .map(Map.Entry::getKey)
        .toList();
  }

  private record Pair(String left, String right) {}

  private record Word(List<String> symbols, long count) {}

  private static List<String> merge(Map<String, Long> words, Set<String> characters, int room) {
    List<Word> split = new ArrayList<>();
    words.forEach(
        (word, count) -> {
          List<String> symbols = new ArrayList<>();
          word.codePoints().forEach(c -> symbols.add(Character.toString(c)));
          split.add(new Word(symbols, count));
        });
    Set<String> known = new HashSet<>(characters);
    List<String> merged = new ArrayList<>();
    while (merged.size() < room) {
      Pair best = mostFrequent(split, known);
      if (best == null) {
        break;
      }
      String text = best.left() + best.right();
      if (known.add(text)) {
        merged.add(text);
      }
      split.forEach(word -> join(word.symbols(), best, text));
    }
    return merged;
  }

  /**
   * The most frequent pair that occurs at least twice; of equally frequent ones, the first in
   * alphabetical order.
   */
  private static @Nullable Pair mostFrequent(List<Word> words, Set<String> known) {
    Map<Pair, Long> counts = new HashMap<>();
    for (Word word : words) {
      for (int i = 0; i + 1 < word.symbols().size(); i++) {
        Pair pair = new Pair(word.symbols().get(i), word.symbols().get(i + 1));
        if (known.contains(pair.left()) && known.contains(pair.right())) {
          counts.merge(pair, word.count(), Long::sum);
        }
      }
    }
    return counts.entrySet().stream()
        .filter(entry -> entry.getValue() > 1)
        .max(
            Map.Entry.<Pair, Long>comparingByValue()
                .thenComparing(
                    entry -> entry.getKey().left() + '\0' + entry.getKey().right(),
                    Comparator.reverseOrder()))
        .map(Map.Entry::getKey)
        .orElse(null);
  }

  private static void join(List<String> symbols, Pair pair, String text) {
    for (int i = 0; i + 1 < symbols.size(); i++) {
      if (symbols.get(i).equals(pair.left()) && symbols.get(i + 1).equals(pair.right())) {
        symbols.set(i, text);
        symbols.remove(i + 1);
      }
    }
  }
}
