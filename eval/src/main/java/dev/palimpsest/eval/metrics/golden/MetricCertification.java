package dev.palimpsest.eval.metrics.golden;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.metrics.MetricInputException;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Compares every metric with numbers that its official program computed. A file of such numbers is
 * recognised by the content of its cases, not by its name.
 */
public final class MetricCertification {
  /** Doubles agree far better; the remaining difference is the order of summation. */
  public static final double TOLERANCE = 1e-6;

  /** A field that only cases of one layout have, and the comparison for them. */
  private static final Map<String, BiConsumer<JsonNode, GoldenComparison>> LAYOUTS =
      Map.ofEntries(
          Map.entry("official_if_answer_id_missing", TextGoldens::vqa),
          Map.entry("normalized_answers", TextGoldens::softAccuracy),
          Map.entry("big_vision_case_sensitive", TextGoldens::anls),
          Map.entry("to_float_target", TextGoldens::relaxedAccuracy),
          Map.entry("direct_answers", TextGoldens::aokVqa),
          Map.entry("kind", TextGoldens::exactMatch),
          Map.entry("ptb_line", CaptionGoldens::tokens),
          Map.entry("tokenized", CaptionGoldens::captions),
          Map.entry("pred_xyxy", BoxGoldens::boxes),
          Map.entry("pred_polygons", BoxGoldens::masks),
          Map.entry("decoder_mask64_times128", BoxGoldens::decodedMasks),
          Map.entry("detections", BoxGoldens::averagePrecision),
          Map.entry("clustered_stderr", StatisticsGoldens::errors));

  private MetricCertification() {}

  /**
   * One line of the table.
   *
   * @param metric the metric's name
   * @param variant whose program computed the expected numbers
   * @param quantity which of the metric's numbers
   * @param compared how many numbers were compared
   * @param largestError largest absolute difference; for texts, the share that differs
   * @param tolerance the largest error that passes
   */
  public record Row(
      String metric,
      String variant,
      String quantity,
      int compared,
      double largestError,
      double tolerance) {
    /** Whether every number agrees. */
    public boolean passes() {
      return largestError <= tolerance;
    }
  }

  /** Whether {@link #run} knows the layout of a file. */
  public static boolean recognises(Path jsonFile) throws IOException {
    return layout(Json.STRICT.readTree(jsonFile.toFile())) != null;
  }

  /**
   * Computes everything for which a file has an expectation.
   *
   * @throws IOException when the file cannot be read or is not JSON
   * @throws MetricInputException when its layout is not known
   */
  public static List<Row> run(Path jsonFile) throws IOException {
    JsonNode file = Json.STRICT.readTree(jsonFile.toFile());
    String layout = layout(file);
    if (layout == null) {
      throw new MetricInputException(
          jsonFile
              + ": not a file of golden metric values: expected an object with \"cases\" of a known"
              + " layout");
    }
    GoldenComparison comparison = new GoldenComparison();
    Objects.requireNonNull(LAYOUTS.get(layout)).accept(file, comparison);
    return comparison.rows();
  }

  private static @Nullable String layout(JsonNode file) {
    for (JsonNode example : file.path("cases")) {
      for (String field : LAYOUTS.keySet()) {
        if (example.has(field) || example.path("expected").has(field)) {
          return field;
        }
      }
    }
    return null;
  }
}
