package dev.palimpsest.mixtures;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.TaskType.Negatives;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What a question may ask for although it is not there. Hard to tell from what is: labels that a
 * row is known to lack, or those that stand beside its own labels most often in other rows.
 * Thread-safe.
 */
final class AbsentThings {
  /** Rows that are counted at most, evenly spread over the source. */
  private static final long COUNTED = 10_000;

  /** How many of the most frequent companions are drawn from. */
  private static final int HARDEST = 10;

  private final ExampleSource source;
  private final Map<String, String> renamed;
  private final Negatives from;
  private @Nullable Companions companions;

  AbsentThings(ExampleSource source, Map<String, String> renamed, Negatives from) {
    this.source = source;
    this.renamed = renamed;
    this.from = from;
  }

  /** Things that are not in a row's picture, in random order; possibly none. */
  List<String> of(Fields row, Draw draw) {
    if (from == Negatives.NONE) {
      return List.of();
    }
    Set<String> present = new HashSet<>(AnnotatedObject.labels(row));
    Set<String> absent = new TreeSet<>();
    if (row.has("absent")) {
      for (JsonNode label : row.list("absent")) {
        absent.add(row.text("absent", label));
      }
    } else if (from == Negatives.ANY) {
      absent.addAll(companions().ofMost(present));
    }
    absent.removeAll(present);
    return draw.shuffled(new ArrayList<>(absent));
  }

  private synchronized Companions companions() {
    if (companions == null) {
      companions = new Companions(source, renamed);
    }
    return companions;
  }

  /** How often labels stand in one picture. */
  private static final class Companions {
    private final Map<String, Integer> pictures = new HashMap<>();
    private final Map<String, Map<String, Integer>> together = new HashMap<>();

    Companions(ExampleSource source, Map<String, String> renamed) {
      long counted = Math.min(COUNTED, source.size());
      for (long i = 0; i < counted; i++) {
        // Not i * size / counted, which overflows.
        long index = counted == source.size() ? i : (long) ((double) i / counted * source.size());
        Set<String> labels;
        try {
          labels = new TreeSet<>(AnnotatedObject.labels(new Fields(source.row(index), renamed)));
        } catch (BadExampleException e) {
          continue; // who visits it is told
        }
        for (String label : labels) {
          pictures.merge(label, 1, Integer::sum);
          Map<String, Integer> beside = together.computeIfAbsent(label, l -> new HashMap<>());
          for (String other : labels) {
            beside.merge(other, 1, Integer::sum);
          }
        }
      }
    }

    /** The most frequent companions of labels that are not among them. */
    List<String> ofMost(Set<String> labels) {
      Map<String, Integer> counts = new HashMap<>();
      for (String label : labels) {
        together.getOrDefault(label, Map.of()).forEach((o, n) -> counts.merge(o, n, Integer::sum));
      }
      return pictures.keySet().stream()
          .filter(label -> !labels.contains(label))
          .sorted(
              Comparator.comparing((String label) -> -counts.getOrDefault(label, 0))
                  .thenComparing(label -> -pictures.getOrDefault(label, 0))
                  .thenComparing(Comparator.naturalOrder()))
          .limit(HARDEST)
          .toList();
    }
  }
}
