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
 * All that decides a score but the model. Two scores are comparable only where this is the same and
 * their metrics are. The resolution is no part of it: at which resolution a model does how well is
 * what is asked.
 *
 * @param task the benchmark and its version; empty for a recipe's own source
 * @param prompt template, or how a source's rows become prompts
 * @param decode how answers are made
 * @param image how pictures are resized
 * @param orientation which way up pictures are seen; absent: as they are stored
 * @param frames of videos, and their stride
 * @param postprocess what is done to answers
 * @param textTokens where prompts were cut; absent when none was
 * @param precision of the computation
 * @param batchSize examples a forward pass; absent for float32, in which an answer does not depend
 *     on its batch. In bfloat16 the width of a batch changes roundings, and with them answers
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
  /** Copies. */
  Protocol {
    frames = List.copyOf(frames);
    postprocess = List.copyOf(postprocess);
  }

  /** 16 hexadecimal digits. */
  String hash() {
    return Fingerprint.of(this).substring(0, 16);
  }

  /** The same with a metric in it: what a score of that metric carries. */
  String hash(MetricId metric) {
    return Fingerprint.of(new WithMetric(this, metric.toString())).substring(0, 16);
  }

  private record WithMetric(Protocol protocol, String metric) {}

  /** Single values by path, to say later what differs. */
  Map<String, String> values() {
    return Fingerprint.values(this);
  }

  /** What differs between two kept protocols; empty where scores may be compared. */
  static List<String> differences(Map<String, String> before, Map<String, String> after) {
    List<String> differences = new ArrayList<>();
    Fingerprint.diff(before, after).forEach(change -> differences.add(change.toString()));
    return differences;
  }
}
