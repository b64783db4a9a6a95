package dev.palimpsest.stages;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * {@code metrics.jsonl}: one JSON object a logged step. On resume, lines beyond the checkpoint are
 * cut off, so that each step stands there once.
 */
final class MetricsLog implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private final BufferedWriter out;

  MetricsLog(Path file, long resumedAtExamples) {
    try {
      if (Files.exists(file)) {
        StringBuilder kept = new StringBuilder();
        for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
          if (examplesOf(line) <= resumedAtExamples) {
            kept.append(line).append('\n');
          }
        }
        RunFolder.writeText(file, kept.toString());
      }
      out =
          Files.newBufferedWriter(
              file, StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot open " + file, e);
    }
  }

  /** Examples of a line; a line torn by a crash counts as beyond any checkpoint. */
  private static long examplesOf(String line) {
    try {
      JsonNode examples = JSON.readTree(line).path("examples");
      return examples.isNumber() ? examples.asLong() : Long.MAX_VALUE;
    } catch (IOException e) {
      return Long.MAX_VALUE;
    }
  }

  void write(StepMetrics m, int batchSize) {
    TrainStep.Outcome o = m.outcome();
    ObjectNode line = JSON.createObjectNode();
    line.put("step", m.step());
    line.put("examples", m.examples());
    finite(line, "loss", o.loss());
    finite(line, "gradientNorm", o.gradientNorm());
    finite(line, "updateNorm", o.updateNorm());
    finite(line, "parameterNorm", o.parameterNorm());
    line.put("meanSupervisedTokens", o.meanSupervisedTokens());
    line.put("maxSupervisedTokens", o.maxSupervisedTokens());
    ObjectNode rates = line.putObject("learningRate");
    o.learningRates().forEach(rates::put);
    line.put("seconds", m.seconds());
    line.put("examplesPerSecond", m.rate(batchSize));
    line.put("waitShare", m.waitShare());
    GuardEvent event = m.event();
    if (event != null) {
      ObjectNode guard = line.putObject("guard");
      guard.put("found", event.what());
      guard.put("action", event.action().word());
      if (event.capsule() != null) {
        guard.put("capsule", event.capsule().toString());
      }
    }
    try {
      out.write(line.toString());
      out.write('\n');
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write metrics", e);
    }
  }

  /** JSON has no word for what is not a number. */
  private static void finite(ObjectNode line, String name, double value) {
    if (Double.isFinite(value)) {
      line.put(name, value);
    }
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close metrics", e);
    }
  }
}
