package dev.palimpsest.mixtures.text;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Which two neighbours merge into which piece, and how early: lower ranks first, the leftmost of
 * equals first.
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

  /** One way to put a piece together. */
  record Split(int left, int right, int piece) {}

  /**
   * All ways to put the normal pieces together of two others. SentencePiece stores no merges: any
   * two neighbours merge whose text is a piece, the highest score first.
   *
   * @param symbols ids of everything that can stand left or right of a merge
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

  /** Merges that follow from scores; equal scores share a rank. */
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

  /** The first merge's score is -0.0 in files of SentencePiece's trainer; as a key it is 0. */
  private static float normalZero(float score) {
    return score + 0.0f;
  }
}
