package dev.palimpsest.stages.logs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.checkpoints.CheckpointWriter;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.events.EventFile;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.step.GuardEvent;
import dev.palimpsest.stages.step.TrainStep;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Objects;

/**
 * {@code metrics.jsonl}: one JSON object per logged step. On resume, lines after the checkpoint are
 * removed, so that each step is there once.
 */
final class MetricsLog implements AutoCloseable {
  private final Path file;
  private final FileChannel out;
  private final LogHashes.Running hash;
  private final EventFile events;
  private CheckpointWriter.Times saving = CheckpointWriter.Times.NONE;
  private long arrayBytes;

  /**
   * Opens the log, and an event file that says the same.
   *
   * @param events folder of the latter
   */
  MetricsLog(Path file, Path events, long resumedAtExamples) {
    this.file = file;
    try {
      RunFolder.cutLog(file, "examples", examples -> examples <= resumedAtExamples);
      hash = new LogHashes.Running(file);
      out = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      this.events = EventFile.open(events, file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot open " + file, e);
    }
  }

  /** Adds to the time for saving in the next line. */
  void saving(CheckpointWriter.Times times) {
    saving = saving.plus(times);
  }

  /**
   * Says what arrays needed at the most since the last line.
   *
   * @param bytes 0: unknown
   */
  void arrays(long bytes) {
    arrayBytes = bytes;
  }

  void write(StepMetrics m, int batchSize) {
    TrainStep.Outcome o = m.outcome();
    ObjectNode line = Json.STRICT.createObjectNode();
    line.put("time", Instant.now().truncatedTo(ChronoUnit.MILLIS).toString());
    line.put("step", m.step());
    line.put("examples", m.examples());
    finite(line, "loss", o.loss());
    finite(line, "gradientNorm", o.gradientNorm());
    ObjectNode norms = line.putObject("gradientNorms");
    o.gradientNorms().byGroup().forEach((group, norm) -> finite(norms, group, norm));
    finite(line, "updateNorm", o.updateNorm());
    finite(line, "parameterNorm", o.parameterNorm());
    line.put("meanSupervisedTokens", o.meanSupervisedTokens());
    line.put("maxSupervisedTokens", o.maxSupervisedTokens());
    line.put("tokens", o.tokens());
    ObjectNode tasks = line.putObject("tasks");
    o.tasks()
        .forEach(
            (name, task) -> {
              ObjectNode node = tasks.putObject(name);
              node.put("n", task.examples());
              finite(node, "meanLoss", task.loss());
              node.put("supervisedTokens", task.tokens());
            });
    ObjectNode rates = line.putObject("learningRate");
    o.learningRates().forEach(rates::put);
    line.put("seconds", m.seconds());
    line.put("examplesPerSecond", m.rate(batchSize));
    line.put("tokensPerSecond", m.tokenRate());
    line.put("waitShare", m.waitShare());
    if (arrayBytes > 0) {
      line.put("arrayBytes", arrayBytes);
    }
    finite(line, "mfu", m.mfu());
    positive(line, "memoryBytes", m.memory().process());
    positive(line, "heapBytes", m.memory().heap());
    positive(line, "gpuMemoryBytes", m.memory().gpu());
    line.put("skipped", m.skipped());
    if (m.disk() != null) {
      line.put("diskReadBytes", m.disk().read());
      line.put("diskWrittenBytes", m.disk().written());
    }
    GuardEvent event = m.event();
    if (event != null) {
      ObjectNode guard = line.putObject("guard");
      guard.put("found", event.what());
      guard.put("action", event.action().word());
      if (event.capsule() != null) {
        Path stage = file.toAbsolutePath().getParent();
        guard.put("capsule", Objects.requireNonNull(stage).relativize(event.capsule()).toString());
      }
    }
    if (!saving.equals(CheckpointWriter.Times.NONE)) {
      line.put("checkpointsSaved", saving.saves());
      line.put("checkpointStallSeconds", saving.stallNanos() / 1e9);
      line.put("checkpointWriteSeconds", saving.writeNanos() / 1e9);
      saving = CheckpointWriter.Times.NONE;
    }
    try {
      String text = Json.STRICT.writeValueAsString(line) + "\n";
      ByteBuffer rest = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
      while (rest.hasRemaining()) {
        out.write(rest);
      }
      hash.add(text);
      events.add(line);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write metrics", e);
    }
  }

  /** The hash of the log as it is now. */
  LogHashes.LogHash hash() {
    return hash.now();
  }

  /** Makes what was written durable; any thread may call this. */
  void sync() {
    try {
      out.force(false);
      events.sync();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write metrics", e);
    }
  }

  /** JSON cannot represent numbers that are not finite. */
  private static void finite(ObjectNode line, String name, double value) {
    if (Double.isFinite(value)) {
      line.put(name, value);
    }
  }

  private static void positive(ObjectNode line, String name, long value) {
    if (value > 0) {
      line.put(name, value);
    }
  }

  @Override
  public void close() {
    try (events) {
      out.close();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close metrics", e);
    }
  }
}
