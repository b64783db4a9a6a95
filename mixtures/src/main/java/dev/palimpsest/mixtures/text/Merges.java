package dev.palimpsest.mixtures.text;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Which two neighbours merge into which piece, and in which order: lower ranks first, and of equal
 * ranks the leftmost first.
 */
final class Merges {
  private final PairTable table;

  Merges(int expected) {
    table = new PairTable(expected);
  }

  void put(int left, int right, int rank, int merged) {
    table.put(left, right, (long) rank << 32 | merged);
  }

  /** Rank (high half) and merged piece (low half), or {@link PairTable#MISSING}. */
  long get(int left, int right) {
    return left < 0 || right < 0 ? PairTable.MISSING : table.get(left, right);
  }

  /** One way to compose a piece. */
  record Split(int left, int right, int piece) {}

  /**
   * All ways to compose the normal pieces of two others. SentencePiece does not store merges: any
   * two neighbours whose joint text is a piece are merged, the highest score first.
   *
   * @param symbols ids of everything that can be the left or right part of a merge
   */
  static List<Split> splits(List<Piece> pieces, Map<String, Integer> symbols) {
    List<Split> splits = new ArrayList<>();
    for (int id = 0; id < pieces.size(); id++) {
      Piece piece = pieces.get(id);
      if (piece.type() != Piece.Type.NORMAL) {
        continue;
      }
      String text = piece.text();
      for (int cut = text.offsetByCodePoints(0, 1);
          cut < text.length();
          cut = text.offsetByCodePoints(cut, 1)) {
        Integer left = symbols.get(text.substring(0, cut));
        Integer right = left == null ? null : symbols.get(text.substring(cut));
        if (left != null && right != null) {
          splits.add(new Split(left, right, id));
        }
      }
    }
    return splits;
  }

  /** Derives merges from scores; equal scores share a rank. */
  static Merges ofScores(List<Piece> pieces, Map<String, Integer> symbols) {
    TreeSet<Float> scores = new TreeSet<>();
    pieces.forEach(piece -> scores.add(normalZero(piece.score())));
    Map<Float, Integer> ranks = new HashMap<>();
    for (float score : scores.descendingSet()) {
      ranks.put(score, ranks.size());
    }
    List<Split> splits = splits(pieces, symbols);
    Merges merges = new Merges(splits.size());
    for (Split split : splits) {
      int rank = ranks.getOrDefault(normalZero(pieces.get(split.piece()).score()), 0);
      merges.put(split.left(), split.right(), rank, split.piece());
    }
    return merges;
  }

  /**
   * In files of SentencePiece's trainer the first merge has the score -0.0, which is 0 as a key.
   */
  private static float normalZero(float score) {
    return score + 0.0f;
  }
}
