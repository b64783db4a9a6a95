package dev.palimpsest.cli.lineage;

import java.util.List;

/**
 * A node of a {@link Graph}.
 *
 * @param id content-derived
 * @param title {@code rehearsal/stage1, 16384 examples}
 * @param lines what else is known of it
 * @param parents ids
 * @param here whether it was found where it is said to lie
 */
record Node(
    Kind kind, String id, String title, List<String> lines, List<String> parents, boolean here) {
  /** What a node is. */
  enum Kind {
    PUBLISHED,
    CHECKPOINT,
    EXPORT
  }

  /** Enough of an id to tell it from others, as git does. */
  static String brief(String id) {
    return id.substring(0, Math.min(12, id.length()));
  }
}
