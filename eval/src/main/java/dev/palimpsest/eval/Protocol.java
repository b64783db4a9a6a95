package dev.palimpsest.eval;

import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.Orientation;
import dev.palimpsest.configs.evaluation.BenchmarkConfig.Postprocess;
import dev.palimpsest.configs.evaluation.DecodeConfig;
import dev.palimpsest.eval.metrics.MetricId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Everything that affects a score except the model. Two scores are comparable only if this and
 * their metrics are the same. The resolution is not part of it, because how a model performs at
 * which resolution is the question.
 *
 * @param task the benchmark and its version; empty for a recipe's own source
 * @param prompt template, or how a source's rows become prompts
 * @param decode how answers are made
 * @param image how pictures are resized
 * @param orientation the orientation in which pictures are seen; absent: as stored
 * @param frames of videos, and their stride
 * @param postprocess what is done to answers
 * @param textTokens the length to which prompts were truncated; absent if none was
 * @param precision of the computation
 * @param batchSize examples per forward pass; absent for float32, in which an answer does not
 *     depend on its batch. In bfloat16 the size of a batch affects rounding and thereby answers
 * @param split SHA-256 over ids, prompts, pictures' bytes, references and fields of what was scored
 */
record Protocol(
    String task,
    String prompt,
    DecodeConfig decode,
    ImageConfig image,
    @Nullable Orientation orientation,
    List<Integer> frames,
    List<Postprocess> postprocess,
    @Nullable Integer textTokens,
    Precision precision,
    @Nullable Integer batchSize,
    String split) {
  /** Keeps unmodifiable copies. */
  Protocol {
    frames = List.copyOf(frames);
    postprocess = List.copyOf(postprocess);
  }

  /** The hash in 16 hexadecimal digits. */
  String hash() {
    return Fingerprint.of(this).substring(0, 16);
  }

  /** The hash including a metric, as stored with a score of that metric. */
  String hash(MetricId metric) {
    return Fingerprint.of(new WithMetric(this, metric.toString())).substring(0, 16);
  }

  private record WithMetric(Protocol protocol, String metric) {}

  /** Single values by path, so that differences can be reported later. */
  Map<String, String> values() {
    return Fingerprint.values(this);
  }

  /** What differs between two stored protocols; empty if scores are comparable. */
  static List<String> differences(Map<String, String> before, Map<String, String> after) {
    List<String> differences = new ArrayList<>();
    Fingerprint.diff(before, after).forEach(change -> differences.add(change.toString()));
    return differences;
  }
}
