package dev.palimpsest.eval.benchmarks.forms.captions;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import dev.palimpsest.mixtures.formats.Csv;
import dev.palimpsest.mixtures.images.ImageSteps;
import dev.palimpsest.mixtures.images.Outline;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Widget Captioning (https://github.com/google-research-datasets/widget-caption), {@code
 * widget_captions.csv}: the captions of a widget are in one cell, separated by bars. The position
 * of the widget on its screen is in RICO's view files, which contain bounds of nodes (left, top,
 * right, bottom) on a canvas 2560 high (http://www.interactionmining.org/rico.html). Rows and view
 * files have this form:
 *
 * <pre>
 * screenId,nodeId,captions
 * 9,0.0.1,go back|back button|return
 *
 * {"activity": {"root": {"bounds": [0, 0, 1440, 2560], "children": [{"bounds": [...], ...}]}}}
 * </pre>
 */
public final class WidgetCaptionForm implements BenchmarkForm {
  private static final double CANVAS_HEIGHT = 2560;

  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    Path views = files.file("views");
    List<BenchmarkExample> examples = new ArrayList<>();
    for (BenchmarkExample caption :
        Screens.of(captions(files.file("captions")), files.file("screens"))) {
      examples.add(caption.withSteps(ImageSteps.outlined(outline(views, caption))));
    }
    return examples;
  }

  static List<BenchmarkExample> captions(Path file) throws IOException {
    List<BenchmarkExample> examples = new ArrayList<>();
    for (Map<String, String> row : Csv.read(file, "screenId", "nodeId", "captions")) {
      String screen = row.getOrDefault("screenId", "");
      String node = row.getOrDefault("nodeId", "");
      examples.add(
          new BenchmarkExample(
              screen + "_" + node,
              List.of(screen + ".jpg"),
              "",
              List.of(row.getOrDefault("captions", "").split("\\|", -1)),
              Map.of("screen_id", TextNode.valueOf(screen), "node_id", TextNode.valueOf(node))));
    }
    return examples;
  }

  /**
   * Where the widget of a caption is; {@code 0.3.1} is child 1 of child 3 of the root.
   *
   * @param views folder of {@code SCREEN.json}
   */
  private static Outline outline(Path views, BenchmarkExample caption) throws IOException {
    // screen_node; nodes contain no underscores.
    int last = caption.id().lastIndexOf('_');
    Path view = views.resolve(caption.id().substring(0, last) + ".json");
    String node = caption.id().substring(last + 1);
    JsonNode at = JsonFile.read(view).root().path("activity").path("root");
    String[] steps = node.split("\\.");
    for (int i = 1; i < steps.length; i++) {
      at = at.path("children").path(steps[i].matches("\\d{1,9}") ? Integer.parseInt(steps[i]) : -1);
    }
    JsonNode bounds = at.path("bounds");
    if (bounds.size() != 4) {
      throw new BenchmarkFormatException("%s has no node %s with bounds".formatted(view, node));
    }
    return new Outline(
        bounds.get(0).asDouble(),
        bounds.get(1).asDouble(),
        bounds.get(2).asDouble(),
        bounds.get(3).asDouble(),
        CANVAS_HEIGHT);
  }
}
