package dev.palimpsest.stages.goodput;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.logs.StepMetrics;
import dev.palimpsest.stages.training.Activity;
import dev.palimpsest.stages.training.Progress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Accounts for every second of a process by what it was spent on, and appends that to {@code
 * goodput.jsonl} in the run folder. At any time there is exactly one activity, so that a process's
 * lines add up to its lifetime; {@link Goodput} adds what lies between processes.
 *
 * <pre>
 * {"process": 1764331, "from": 1764331.52, "to": 1764340.11, "stage": "", "examples": 0, "seconds": {"start": 8.59}}
 * {"process": 1764331, "at": 1764340.11, "stage": "stage1", "resumed": 4096}
 * {"process": 1764331, "from": 1764340.11, "to": 1764341.13, "stage": "stage1", "examples": 4128, "seconds": {"compute": 0.97, "input": 0.05}}
 * </pre>
 *
 * <p>Times are seconds since 1970; {@code examples} are those of the stage that the time was spent
 * to reach, so that a later process which resumes below them has lost that time. A line is written
 * after a step, at most one a second, before and after everything else, and whenever {@link #beat}
 * is called.
 */
public final class Ledger implements Progress, AutoCloseable {
  private static final double INTERVAL = 1;

  private final Path file;
  private final LongSupplier nanoTime;
  private final long process;
  private final double base;
  private final long baseNanos;
  private final Map<Activity, Double> seconds = new EnumMap<>(Activity.class);
  private Activity activity = Activity.START;
  private double from;
  private double booked;
  private String stage = "";
  private long examples;
  private long batchSize;
  private @Nullable FileChannel opened;

  /**
   * A run's ledger, whose file is opened at the first event: only then does the run folder belong
   * to this process.
   *
   * @param file appended to; a line that a crash has truncated is ended
   * @param since when the process began, whose time until now is booked as its start
   */
  public Ledger(Path file, Instant since) {
    this(file, since, Instant.now(), System::nanoTime);
  }

  Ledger(Path file, Instant since, Instant now, LongSupplier nanoTime) {
    this.file = file;
    this.nanoTime = nanoTime;
    process = since.toEpochMilli();
    base = now.toEpochMilli() / 1e3;
    baseNanos = nanoTime.getAsLong();
    // A clock that was set back in between does not make a start of negative length.
    from = Math.min(base, process / 1e3);
    booked = from;
  }

  private FileChannel out() throws IOException {
    FileChannel out = opened;
    if (out == null) {
      out =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      opened = out;
      long size = out.size();
      ByteBuffer last = ByteBuffer.allocate(1);
      out.position(size);
      if (size > 0 && out.read(last, size - 1) == 1 && last.get(0) != '\n') {
        out.write(ByteBuffer.wrap(new byte[] {'\n'}));
      }
    }
    return out;
  }

  private double now() {
    return base + (nanoTime.getAsLong() - baseNanos) / 1e9;
  }

  /** Books the time since the last booking under the current activity. */
  private void book() {
    double now = now();
    seconds.merge(activity, now - booked, Double::sum);
    booked = now;
  }

  private void move(double most, Activity to) {
    double moved = Math.min(most, seconds.getOrDefault(Activity.COMPUTE, 0.0));
    if (moved > 0) {
      seconds.merge(Activity.COMPUTE, -moved, Double::sum);
      seconds.merge(to, moved, Double::sum);
    }
  }

  @Override
  public synchronized void start(StageConfig config, long fromExamples) {
    flush();
    stage = config.name();
    examples = fromExamples;
    batchSize = config.batchSize();
    ObjectNode line = Json.STRICT.createObjectNode();
    line.put("process", process);
    line.put("at", booked);
    line.put("stage", stage);
    line.put("resumed", fromExamples);
    write(line);
  }

  @Override
  public synchronized void step(StageConfig config, StepMetrics metrics) {
    book();
    move(metrics.waitShare() * metrics.seconds(), Activity.INPUT);
    examples = metrics.examples();
    if (booked - from >= INTERVAL) {
      write(0);
    }
  }

  @Override
  public synchronized void turnTo(Activity next) {
    if (next != activity || opened == null) {
      flush();
      activity = next;
    }
  }

  @Override
  public synchronized void waitedForRanks(Duration time) {
    book();
    move(time.toNanos() / 1e9, Activity.COLLECTIVE);
  }

  /** A run that stops here says nothing more of what it was doing. */
  @Override
  public synchronized void end() {
    turnTo(Activity.SAVE);
  }

  /** Writes what has been booked so far of a step that takes long. */
  public synchronized void beat() {
    if (opened != null) {
      write(0); // of steps that are done
      book();
      write(activity == Activity.COMPUTE ? batchSize : 0);
    }
  }

  private void flush() {
    book();
    write(0);
  }

  /**
   * Writes what has been booked.
   *
   * @param ahead examples of the step that the time was spent on, if that is not done
   */
  private void write(long ahead) {
    if (booked <= from) {
      return;
    }
    ObjectNode line = Json.STRICT.createObjectNode();
    line.put("process", process);
    line.put("from", from);
    line.put("to", booked);
    line.put("stage", stage);
    line.put("examples", examples + ahead);
    ObjectNode parts = line.putObject("seconds");
    seconds.forEach((what, time) -> parts.put(what.name().toLowerCase(Locale.ROOT), time));
    write(line);
    seconds.clear();
    from = booked;
  }

  private void write(ObjectNode line) {
    try {
      ByteBuffer bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        out().write(bytes);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  @Override
  public synchronized void close() {
    FileChannel out = opened;
    if (out == null) {
      return;
    }
    flush();
    try {
      out.close();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close " + file, e);
    }
  }
}
