package dev.palimpsest.eval.benchmarks.forms.captions;

import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.assertExample;
import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.assertExamples;
import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.expected;
import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.file;
import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.read;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.evaluation.BenchmarkFormat;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.Predictions;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Captions in each published form. */
class CaptionFormsTest {
  @Test
  void cocoCaptionsAreGatheredByImage() throws IOException {
    JsonNode wanted = expected("captions_val2014.json");
    List<BenchmarkExample> examples =
        read(new CocoCaptionsForm(), BenchmarkFormat.COCO_CAPTIONS, file("captions_val2014.json"));
    assertExamples(wanted, examples, "image_id: id", "references: references");
    assertEquals(
        Map.of("1", "a kettle", "2", ""),
        Predictions.read(file("captions_results.json"), file("captions_val2014.json")).stream()
            .collect(Collectors.toMap(MetricRecord::id, MetricRecord::prediction)));
  }

  @Test
  void karpathysSplitsKeepFolderAndSplit() throws IOException {
    JsonNode wanted = expected("dataset_coco.json");
    List<BenchmarkExample> examples =
        read(new KarpathyForm(), BenchmarkFormat.KARPATHY, file("dataset_coco.json"));
    assertExamples(
        wanted,
        examples,
        "image_id: id",
        "split: field split",
        "path: image",
        "references: references");
  }

  @Test
  void screensAndWidgets() throws IOException {
    BenchmarkExample widget = WidgetCaptionForm.captions(file("widget_captions.csv")).get(0);
    assertExample(
        expected("widget_captions.csv").get(0),
        widget,
        "screen_id: field screen_id",
        "node_id: field node_id",
        "references: references");
    BenchmarkExample screen = Screen2WordsForm.summaries(file("screen_summaries.csv")).get(0);
    assertExample(
        expected("screen_summaries.csv").get(0), screen, "screen_id: id", "references: references");
  }

  @Test
  void textCapsAreGatheredByImage() throws IOException {
    List<BenchmarkExample> captions =
        read(new TextCapsForm(), BenchmarkFormat.TEXT_CAPS, file("TextCaps_0.1_val.json"));
    assertEquals(1, captions.size());
    assertExample(
        expected("TextCaps_0.1_val.json").get(0),
        captions.get(0),
        "image_id: id",
        "references: references");
  }
}
