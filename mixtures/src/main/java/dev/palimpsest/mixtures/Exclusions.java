package dev.palimpsest.mixtures;

import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.data.AugmentConfig;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.mixtures.formats.TextFile;
import dev.palimpsest.mixtures.sources.ExampleSource;
import dev.palimpsest.mixtures.tasks.Task;
import dev.palimpsest.mixtures.text.TextBudget;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Examples that a mixture leaves out: a text file with one {@code task/id} per line. A tab and the
 * row's position in its source may follow, which saves a search through the source, and then
 * another tab and a reason for human readers. Empty lines and lines that begin with # are skipped.
 */
public final class Exclusions {
  /** No exclusions. */
  public static final Exclusions NONE = new Exclusions("", List.of(), Map.of());

  private final String file;
  private final List<String> written;
  private final Map<String, Set<Line>> lines;

  private record Line(int number, String name, long position) {
    static final long UNKNOWN = -1;
  }

  private Exclusions(String file, List<String> written, Map<String, Set<Line>> lines) {
    this.file = file;
    this.written = written;
    this.lines = lines;
  }

  /**
   * One line of a list.
   *
   * @param task the task's name in the recipe
   * @param id the row's
   * @param position of the row in its complete source, 0-based
   * @param reason for human readers
   */
  public record Entry(String task, String id, long position, String reason) {}

  /**
   * Reads a list.
   *
   * @param tasks names of the recipe's tasks
   * @throws UncheckedIOException when the file cannot be read
   * @throws InvalidConfigException when lines name no task or no position, with all of them
   */
  public static Exclusions read(Path file, Collection<String> tasks) {
    List<String> written = new ArrayList<>();
    Map<String, Set<Line>> lines = new LinkedHashMap<>();
    List<Problem> problems = new ArrayList<>();
    int number = 0;
    for (String line : text(file)) {
      number++;
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      written.add(line);
      String[] parts = line.split("\t", 3);
      String name = parts[0].strip();
      String task = taskOf(name, tasks);
      String position = parts.length > 1 ? parts[1].strip() : "";
      if (task.isEmpty()) {
        problems.add(
            problem(file, number, "'%s' begins with no task of this recipe (%s)", name, tasks));
      } else if (!position.matches("\\d{0,18}")) {
        problems.add(
            problem(
                file,
                number,
                "expected task/id, a tab and the row's position, got '%s' for the position",
                position));
      } else {
        lines
            .computeIfAbsent(task, key -> new LinkedHashSet<>())
            .add(
                new Line(
                    number,
                    name.substring(task.length() + 1),
                    position.isEmpty() ? Line.UNKNOWN : Long.parseLong(position)));
      }
    }
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
    return new Exclusions(file.toString(), written, lines);
  }

  /** The longest task name that the text begins with; task names may contain slashes too. */
  private static String taskOf(String name, Collection<String> tasks) {
    String found = "";
    for (String task : tasks) {
      if (name.startsWith(task + "/") && task.length() > found.length()) {
        found = task;
      }
    }
    return found;
  }

  private static List<String> text(Path file) {
    try {
      return TextFile.lines(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the list of exclusions " + file, e);
    }
  }

  private static Problem problem(Path file, int line, String message, Object... args) {
    return new Problem(
        "exclude", file + ":" + line + ": " + String.format(Locale.ROOT, message, args));
  }

  /**
   * This list and further rows as text. The result can replace this list: rows that were left out
   * remain left out.
   *
   * @param head comment lines at the top of the file
   */
  public String with(List<String> head, List<Entry> further) {
    StringBuilder text = new StringBuilder();
    head.forEach(line -> text.append("# ").append(line).append('\n'));
    written.forEach(line -> text.append(line).append('\n'));
    for (Entry entry : further) {
      text.append(entry.task)
          .append('/')
          .append(entry.id)
          .append('\t')
          .append(entry.position)
          .append('\t')
          .append(entry.reason.replaceAll("\\s+", " "))
          .append('\n');
    }
    return text.toString();
  }

  /**
   * Opens a task without the rows named here.
   *
   * @throws java.io.UncheckedIOException when its source cannot be read
   * @throws InvalidConfigException when the list does not fit the source
   */
  public Task open(String name, TaskConfig config, TextBudget budget) {
    return open(name, config, budget, AugmentConfig.NONE);
  }

  /** The same with image augmentation. */
  Task open(String name, TaskConfig config, TextBudget budget, AugmentConfig augment) {
    ExampleSource source = ExampleSource.open(config.pictured());
    try {
      return Task.of(from(name, source), config, budget, augment);
    } catch (RuntimeException e) {
      source.close();
      throw e;
    }
  }

  /**
   * The task's source without the rows named here, or the source itself if none of them is named.
   *
   * @throws InvalidConfigException when the list does not fit the source, with every line that does
   *     not, or if no row is left
   */
  ExampleSource from(String task, ExampleSource source) {
    Set<Line> wanted = lines.get(task);
    if (wanted == null) {
      return source;
    }
    TreeSet<Long> positions = new TreeSet<>();
    Map<String, Line> unplaced = new LinkedHashMap<>();
    List<Problem> problems = new ArrayList<>();
    for (Line line : wanted) {
      if (line.position == Line.UNKNOWN) {
        unplaced.put(line.name, line);
      } else if (line.position < source.size()
          && source.row(line.position).id().equals(line.name)) {
        positions.add(line.position);
      } else {
        problems.add(
            problem(
                Path.of(file),
                line.number,
                "row %d of task '%s' is %s, not '%s'; the data has changed since the list was made:"
                    + " create it again",
                line.position,
                task,
                line.position < source.size()
                    ? "'" + source.row(line.position).id() + "'"
                    : "not there",
                line.name));
      }
    }
    for (long row = 0; row < source.size() && !unplaced.isEmpty(); row++) {
      if (unplaced.remove(source.row(row).id()) != null) {
        positions.add(row);
      }
    }
    unplaced
        .values()
        .forEach(
            line ->
                problems.add(
                    problem(
                        Path.of(file),
                        line.number,
                        "no row of task '%s' is called '%s'",
                        task,
                        line.name)));
    if (problems.isEmpty() && positions.size() == source.size()) {
      problems.add(
          new Problem(
              "exclude",
              "%s leaves nothing of task '%s' (%d rows); take it out of the mixtures"
                  .formatted(file, task, source.size())));
    }
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems.subList(0, Math.min(20, problems.size())));
    }
    return new ExcludingSource(source, positions.stream().mapToLong(Long::longValue).toArray());
  }
}
