package dev.palimpsest.cli.lineage;

import java.util.List;

/**
 * A node of a {@link Graph}.
 *
 * @param id content-derived
 * @param title {@code rehearsal/stage1, 16384 examples}
 * @param lines further facts
 * @param parents ids
 * @param here whether it was found at its recorded location
 */
record Node(
    Kind kind, String id, String title, List<String> lines, List<String> parents, boolean here) {
  /** The kind of a node. */
  enum Kind {
    PUBLISHED,
    CHECKPOINT,
    EXPORT
  }

  /** Enough of an id to distinguish it from others, as in git. */
  static String brief(String id) {
    return id.substring(0, Math.min(12, id.length()));
  }
}
