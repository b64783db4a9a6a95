package dev.palimpsest.mixtures.playground;

import dev.palimpsest.mixtures.text.BpeTrainer;
import dev.palimpsest.mixtures.text.Piece;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A vocabulary of Gemma's size and order, with drawn pieces: special ones, the newline at id 108,
 * runs of newlines and of spaces, HTML's elements, bytes at 217, pieces made by merging, characters
 * at the end. The playground's words come first among the merges, so that its texts are short.
 */
public final class FabricatedVocabulary {
  private static final String SPACE = "\u2581";

  /** Id of the newline in Gemma's vocabulary. */
  private static final int NEWLINE = 108;

  private static final int LONGEST_RUN = 31;
  private static final int LONGEST_PIECE = 12;
  private static final List<String> BLOCKS =
      List.of("table caption thead tbody tfoot tr th td".split(" "));
  private static final List<String> HEADINGS = List.of("h1 h2 h3 h4 h5 h6 blockquote".split(" "));
  private static final List<String> INLINE = List.of("strong em b i u s sub sup code".split(" "));

  private FabricatedVocabulary() {}

  /**
   * Pieces in order of id. Same size and seed, same pieces.
   *
   * @param size how many: 256,000 for Gemma's, without location and segmentation tokens
   * @throws IllegalArgumentException when the size has no room for what every vocabulary has
   */
  public static List<Piece> pieces(int size, long seed) {
    List<Piece> pieces = fixed();
    List<String> learned =
        BpeTrainer.train(Corpus.texts(), Playground.BASE_VOCABULARY).stream()
            .filter(piece -> piece.type() == Piece.Type.NORMAL)
            .map(Piece::text)
            .toList();
    List<String> merged = new ArrayList<>(learned.stream().filter(p -> p.length() > 1).toList());
    Set<String> characters = new LinkedHashSet<>();
    learned.stream().filter(piece -> piece.length() == 1).forEach(characters::add);
    for (char c = '!'; c <= 'ÿ'; c++) {
      if (c <= '~' || c >= '¡') {
        characters.add(String.valueOf(c));
      }
    }
    int room = size - pieces.size() - characters.size();
    if (room < merged.size()) {
      throw new IllegalArgumentException(
          "a vocabulary needs at least %d pieces, got %d"
              .formatted(size - room + merged.size(), size));
    }
    merge(merged, room, seed);
    merged.addAll(characters);
    for (int i = 0; i < merged.size(); i++) {
      pieces.add(new Piece(merged.get(i), -i, Piece.Type.NORMAL));
    }
    return List.copyOf(pieces);
  }

  /** Draws merges of pieces until there is no more room; frequent pieces merge more often. */
  private static void merge(List<String> merged, int room, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<String> parts = new ArrayList<>(List.of(SPACE));
    IntStream.rangeClosed('a', 'z').mapToObj(Character::toString).forEach(parts::add);
    merged.stream().filter(piece -> piece.matches(SPACE + "?[a-z]+")).forEach(parts::add);
    Set<String> known = new HashSet<>(merged);
    while (merged.size() < room) {
      String left = drawn(parts, random);
      String right = drawn(parts, random);
      String text = left + right;
      if (text.length() <= LONGEST_PIECE && !right.startsWith(SPACE) && known.add(text)) {
        merged.add(text);
        parts.add(text);
      }
    }
  }

  private static String drawn(List<String> parts, SplittableRandom random) {
    double u = random.nextDouble();
    return parts.get((int) (u * u * parts.size()));
  }

  private static List<Piece> fixed() {
    List<Piece> pieces = new ArrayList<>(Piece.specials());
    Stream.of("<mask>", "<2mass>", "[@BOS@]").forEach(text -> pieces.add(atom(text)));
    for (int i = 0; pieces.size() < NEWLINE - 2; i++) {
      pieces.add(atom("<unused" + i + ">"));
    }
    Stream.of("<start_of_turn>", "<end_of_turn>").forEach(text -> pieces.add(atom(text)));
    IntStream.rangeClosed(1, LONGEST_RUN).forEach(n -> pieces.add(atom("\n".repeat(n))));
    IntStream.rangeClosed(2, LONGEST_RUN).forEach(n -> pieces.add(atom(SPACE.repeat(n))));
    for (List<String> elements : List.of(BLOCKS, HEADINGS, INLINE)) {
      elements.forEach(name -> pieces.add(atom("<" + name + ">")));
      elements.forEach(name -> pieces.add(atom("</" + name + ">")));
    }
    pieces.addAll(Piece.bytes());
    return pieces;
  }

  private static Piece atom(String text) {
    return new Piece(text, 0, Piece.Type.USER_DEFINED);
  }
}
