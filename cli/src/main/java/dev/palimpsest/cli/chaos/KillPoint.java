package dev.palimpsest.cli.chaos;

import java.nio.file.Path;
import java.util.Comparator;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A point at which a run can be killed. Points are lines of the run's log, most of them at debug
 * level, so that the program under test is the one that everybody runs.
 *
 * @param kind what the run is doing
 * @param line the log's line without the run folder's path; it is the same in every run of a recipe
 *     and occurs once in each
 */
record KillPoint(Kind kind, String line) {
  /** What a run is doing. */
  enum Kind {
    /** Drawing data, writing towers. */
    PREPARING("preparing"),
    /** Computing an update. */
    STEP("in a step"),
    /** Writing a checkpoint. */
    SAVE("in a save"),
    /** Around the rename that makes a checkpoint visible. */
    RENAME("at a rename"),
    /** Scoring, or writing scores. */
    EVALUATION("in an evaluation"),
    /** Exporting files. */
    EXPORT("exporting"),
    /** At the start, at a hand-over, or at the end of a stage. */
    BETWEEN("between stages");

    private final String words;

    Kind(String words) {
      this.words = words;
    }

    String words() {
      return words;
    }
  }

  private static final Pattern RANK = Pattern.compile("rank \\d+: ");
  private static final Pattern WRITES = Pattern.compile("(writing|renaming|renamed) (.*)");
  private static final Pattern STEPS = Pattern.compile(".*: (step from|stepped to) \\d+ examples");
  private static final Pattern SCORES = Pattern.compile(".*: scoring .*");
  private static final Pattern EXPORTS = Pattern.compile(".*: exporting .*");
  private static final Pattern HAND_OVER = Pattern.compile(".*: (begins|saved its end)");

  /**
   * The point of a log line, if it is one.
   *
   * @param logger simple name of the class that logs it
   * @param root the run folder
   */
  static Optional<KillPoint> of(String logger, String message, Path root) {
    String line = message.replace(root.toString(), ".");
    Kind kind =
        switch (logger) {
          case "Playground" -> line.startsWith("drawing ") ? Kind.PREPARING : null;
          case "Durable", "SharedSave" -> WRITES.matcher(line).matches() ? written(line) : null;
          case "TrainingLoop" -> STEPS.matcher(line).matches() ? Kind.STEP : null;
          case "Evaluations", "OthersScoring" ->
              SCORES.matcher(line).matches() ? Kind.EVALUATION : null;
          case "Exports" -> EXPORTS.matcher(line).matches() ? Kind.EXPORT : null;
          case "StageRunner", "PipelineRunner" ->
              HAND_OVER.matcher(line).matches() ? Kind.BETWEEN : null;
          default -> null;
        };
    return Optional.ofNullable(kind).map(k -> new KillPoint(k, line));
  }

  /** The same of a rank other than the first, which says so. */
  KillPoint onRank(int rank) {
    return rank == 0 ? this : new KillPoint(kind, "rank %d: %s".formatted(rank, line));
  }

  /**
   * Points that a draw treats alike.
   *
   * @param rank {@code rank 1: }, empty for the first
   */
  record Group(Kind kind, String rank) {
    static final Comparator<Group> ORDER =
        Comparator.comparing(Group::kind).thenComparing(Group::rank);
  }

  Group group() {
    Matcher rank = RANK.matcher(line);
    return new Group(kind, rank.lookingAt() ? rank.group() : "");
  }

  private static Kind written(String line) {
    if (line.contains("/checkpoints/")) {
      return line.startsWith("writing ") ? Kind.SAVE : Kind.RENAME;
    }
    if (line.contains("/scores/") || line.contains("/predictions/")) {
      return Kind.EVALUATION;
    }
    if (line.contains("/export/")) {
      return Kind.EXPORT;
    }
    boolean ofTheRun = line.matches("\\w+ \\./[^/]+") || line.matches("\\w+ \\./[^/]+/\\w+\\.json");
    return ofTheRun ? Kind.BETWEEN : Kind.PREPARING;
  }
}
