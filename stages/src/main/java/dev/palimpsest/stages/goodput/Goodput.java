package dev.palimpsest.stages.goodput;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.folder.RunFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Where a run's time went, from the beginning of its first process to the end of its last one.
 *
 * @param seconds by what they were spent on; they add up to {@code wall}
 * @param wall seconds from the first process's beginning to the last entry
 * @param processes that worked on the run
 */
public record Goodput(Map<Use, Double> seconds, double wall, int processes) {
  /** What time is spent on, over all processes of a run. */
  public enum Use {
    /** Steps whose result is kept. */
    COMPUTE("computing"),
    /** Kept steps that wait for data. */
    INPUT("waiting for data"),
    /** Kept steps that wait for other ranks. */
    COLLECTIVE("waiting for other ranks"),
    /** Saving. */
    SAVE("saving and exporting"),
    /** Scoring. */
    EVALUATE("evaluating"),
    /** The start of the first process. */
    START("starting"),
    /** From the last entry of a process to the first step of the next. */
    RESTART("stopped and starting again"),
    /** Steps that a later process had to repeat. */
    LOST("lost work");

    private final String words;

    Use(String words) {
      this.words = words;
    }

    /** For people. */
    public String words() {
      return words;
    }
  }

  /** Keeps a copy. */
  public Goodput {
    Map<Use, Double> copy = new EnumMap<>(Use.class);
    copy.putAll(seconds);
    seconds = Map.copyOf(copy);
  }

  private static final Set<Use> STEPS = Set.of(Use.COMPUTE, Use.INPUT, Use.COLLECTIVE);

  /** Time of a stage's steps towards a number of examples. */
  private record Span(String stage, long examples, Use use, double seconds) {
    Span lost() {
      return new Span(stage, examples, Use.LOST, seconds);
    }
  }

  /** Reads a ledger; all zero if there is none. Lines that a crash has truncated are left out. */
  public static Goodput read(Path ledger) {
    List<String> lines;
    try {
      lines = RunFolder.lines(ledger);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + ledger, e);
    }
    List<Span> spans = new ArrayList<>();
    Set<Long> processes = new HashSet<>();
    double first = Double.NaN;
    double last = Double.NaN;
    for (String line : lines) {
      JsonNode node = parsed(line);
      String stage = node.path("stage").asText();
      if (node.has("resumed")) {
        long kept = node.path("resumed").asLong();
        spans.replaceAll(
            span ->
                span.stage.equals(stage) && span.examples > kept && STEPS.contains(span.use)
                    ? span.lost()
                    : span);
      }
      if (!node.has("from")) {
        continue;
      }
      double from = node.path("from").asDouble();
      first = Double.isNaN(first) ? from : first;
      if (!Double.isNaN(last) && from > last) {
        spans.add(new Span("", 0, Use.RESTART, from - last));
      }
      last = node.path("to").asDouble();
      processes.add(node.path("process").asLong());
      node.path("seconds")
          .properties()
          .forEach(
              e ->
                  spans.add(
                      new Span(
                          stage,
                          node.path("examples").asLong(),
                          use(e.getKey(), stage, processes.size()),
                          e.getValue().asDouble())));
    }
    Map<Use, Double> seconds = new EnumMap<>(Use.class);
    for (Use use : Use.values()) {
      seconds.put(use, 0.0);
    }
    spans.forEach(span -> seconds.merge(span.use, span.seconds, Double::sum));
    return new Goodput(seconds, Double.isNaN(first) ? 0 : last - first, processes.size());
  }

  /** A later process that starts is a restart until it trains. */
  private static Use use(String activity, String stage, int processes) {
    Use use = Use.valueOf(activity.toUpperCase(Locale.ROOT));
    return use == Use.START && processes > 1 && stage.isEmpty() ? Use.RESTART : use;
  }

  private static JsonNode parsed(String line) {
    try {
      return Json.STRICT.readTree(line);
    } catch (JsonProcessingException e) {
      return Json.STRICT.createObjectNode();
    }
  }

  /** The share of time that was spent on steps whose result is kept. */
  public double share() {
    return wall == 0 ? 0 : seconds.getOrDefault(Use.COMPUTE, 0.0) / wall;
  }

  /** A table, the goodput first. */
  public List<String> table() {
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            Locale.ROOT,
            "goodput %.1f %% of %s in %d process%s:",
            100 * share(),
            time(wall),
            processes,
            processes == 1 ? "" : "es"));
    for (Use use : Use.values()) {
      double spent = seconds.getOrDefault(use, 0.0);
      if (spent > 0) {
        lines.add(
            String.format(
                Locale.ROOT, "  %5.1f %%  %s  %s", 100 * spent / wall, time(spent), use.words));
      }
    }
    return lines;
  }

  private static String time(double seconds) {
    long whole = (long) seconds;
    return String.format(
        Locale.ROOT, "%d:%02d:%04.1f", whole / 3600, whole / 60 % 60, seconds - whole / 60 * 60);
  }
}
