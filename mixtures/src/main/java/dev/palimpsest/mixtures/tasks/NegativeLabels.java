package dev.palimpsest.mixtures.tasks;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.data.TaskType.Negatives;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.order.Draw;
import dev.palimpsest.mixtures.sources.ExampleSource;
import dev.palimpsest.mixtures.sources.Fields;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Labels that a question may ask for although the picture does not show them. They are hard
 * negatives: labels that annotators marked as absent from the picture, or labels that most often
 * occur together with the row's own labels in other rows. Thread-safe.
 */
final class NegativeLabels {
  /** The most rows whose labels are counted; they are evenly spread over the source. */
  private static final long COUNTED = 10_000;

  /** The number of most frequent companions to draw from. */
  private static final int HARDEST = 10;

  private final ExampleSource source;
  private final Map<String, String> renamed;
  private final Negatives from;
  private @Nullable Companions companions;

  NegativeLabels(ExampleSource source, Map<String, String> renamed, Negatives from) {
    this.source = source;
    this.renamed = renamed;
    this.from = from;
  }

  /** Labels of things that are not in a row's picture, in random order; possibly empty. */
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

  /**
   * How often labels occur in the same picture. Labels are numbered by descending frequency, then
   * by name; open vocabularies have tens of thousands of them.
   */
  private static final class Companions {
    private final List<String> labels;
    private final Map<String, Integer> numbers = new HashMap<>();

    /** The index at which each label's companions begin; the last entry is their total number. */
    private final int[] first;

    private final int[] others;
    private final int[] times;

    Companions(ExampleSource source, Map<String, String> renamed) {
      List<Set<String>> rows = rows(source, renamed);
      Map<String, Integer> pictures = new HashMap<>();
      rows.forEach(row -> row.forEach(label -> pictures.merge(label, 1, Integer::sum)));
      labels =
          pictures.keySet().stream()
              .sorted(
                  Comparator.comparing((String label) -> -pictures.getOrDefault(label, 0))
                      .thenComparing(Comparator.naturalOrder()))
              .toList();
      labels.forEach(label -> numbers.put(label, numbers.size()));
      long[] pairs =
          rows.stream()
              .flatMapToLong(
                  row -> row.stream().mapToLong(this::number).flatMap(a -> pairs(a, row)))
              .sorted()
              .toArray();
      first = new int[labels.size() + 1];
      others = new int[pairs.length];
      times = new int[pairs.length];
      int count = 0;
      for (int i = 0; i < pairs.length; i++) {
        if (i == 0 || pairs[i] != pairs[i - 1]) {
          others[count] = (int) pairs[i];
          first[(int) (pairs[i] >>> 32) + 1] = ++count;
        }
        times[count - 1]++;
      }
    }

    /** The label sets of the rows that can be read. */
    private static List<Set<String>> rows(ExampleSource source, Map<String, String> renamed) {
      List<Set<String>> rows = new ArrayList<>();
      long counted = Math.min(COUNTED, source.size());
      for (long i = 0; i < counted; i++) {
        // Not i * size / counted, which overflows.
        long index = counted == source.size() ? i : (long) ((double) i / counted * source.size());
        Set<String> labels;
        try {
          labels = new HashSet<>(AnnotatedObject.labels(new Fields(source.row(index), renamed)));
        } catch (BadExampleException e) {
          continue; // reported when the row itself is used
        }
        rows.add(labels);
      }
      return rows;
    }

    private int number(String label) {
      return numbers.getOrDefault(label, -1);
    }

    /** Pairs of a label with each label of a row. */
    private LongStream pairs(long label, Set<String> row) {
      return row.stream().mapToLong(other -> label << 32 | number(other));
    }

    /** The most frequent companions of the given labels, without those labels themselves. */
    List<String> ofMost(Set<String> present) {
      int[] counts = new int[labels.size()];
      for (String label : present) {
        int number = number(label);
        for (int i = number < 0 ? 0 : first[number]; number >= 0 && i < first[number + 1]; i++) {
          counts[others[i]] += times[i];
        }
      }
      for (String label : present) {
        if (number(label) >= 0) {
          counts[number(label)] = -1;
        }
      }
      int[] most = new int[HARDEST];
      int size = 0;
      for (int label = 0; label < counts.length; label++) {
        if (counts[label] < 0 || (size == HARDEST && counts[label] <= counts[most[size - 1]])) {
          continue;
        }
        int place = size < HARDEST ? size++ : size - 1;
        for (; place > 0 && counts[most[place - 1]] < counts[label]; place--) {
          most[place] = most[place - 1];
        }
        most[place] = label;
      }
      return IntStream.range(0, size).mapToObj(i -> labels.get(most[i])).toList();
    }
  }
}
