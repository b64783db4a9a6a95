package dev.palimpsest.mixtures;

import dev.palimpsest.configs.Fingerprint;
import dev.palimpsest.configs.TaskConfig;
import dev.palimpsest.configs.TaskType;
import java.util.List;

/**
 * A source whose rows are read as a {@link TaskType} says. Which example stands at a position is a
 * pure function of the row, the epoch and the draw. Thread-safe.
 */
public final class Task implements AutoCloseable {
  private final ExampleSource source;
  private final TaskConfig config;
  private final Reading reading;

  /** A type's way from a row to an example. Thread-safe. */
  interface Reading {
    /** As {@link Task#example}. */
    Example example(Fields row, long index, long epoch, Draw draw);
  }

  private Task(ExampleSource source, TaskConfig config, Reading reading) {
    this.source = source;
    this.config = config;
    this.reading = reading;
  }

  /**
   * Opens a task's source.
   *
   * @param room for types that choose what to say by the room there is
   * @throws java.io.UncheckedIOException when the source cannot be read
   * @throws IllegalArgumentException when it holds no row
   */
  public static Task open(TaskConfig config, TextRoom room) {
    return of(ExampleSource.open(config.source()), config, room);
  }

  /** A task over an open source, which it closes. */
  public static Task of(ExampleSource source, TaskConfig config, TextRoom room) {
    Reading reading = config.type().match(prefixSuffix -> Task::prefixSuffix);
    return new Task(source, config, reading);
  }

  /** Number of rows. */
  public long size() {
    return source.size();
  }

  /**
   * The example at a position, 0-based.
   *
   * @param epoch how often the source was gone through before; a row with several targets shows
   *     another one each time, all of them before any comes again (big_vision's {@code
   *     choice_no_replacement})
   * @param draw the chance of this visit
   * @throws BadExampleException when there is no usable row
   */
  public Example example(long index, long epoch, Draw draw) {
    return reading.example(new Fields(source.row(index), config.fields()), index, epoch, draw);
  }

  /** The example at a position as scoring sees it: first epoch, nothing left to chance. */
  public Example example(long index) {
    return example(index, 0, Draw.inOrder());
  }

  /** Of the source's content and of how it is read; SHA-256 in hex. */
  public String fingerprint() {
    boolean plain = config.type() instanceof TaskType.PrefixSuffix && config.fields().isEmpty();
    return plain
        ? source.fingerprint()
        : new Digest()
            .add("task 1", source.fingerprint())
            .add(Fingerprint.of((Record) config.type()))
            .add(config.fields().toString())
            .hex();
  }

  private static Example prefixSuffix(Fields row, long index, long epoch, Draw draw) {
    List<String> references = row.texts("suffix");
    return new Example(
        row.row().id(),
        row.row().images(),
        row.text("prefix", ""),
        visited(references, index, epoch),
        references);
  }

  /** Rows begin at different references, so that a single epoch does not favour the first. */
  private static <T> T visited(List<T> references, long index, long epoch) {
    long visit = epoch + (SplitMix.mix(index) >>> 1) % references.size();
    return references.get((int) (visit % references.size()));
  }

  @Override
  public void close() {
    source.close();
  }
}
