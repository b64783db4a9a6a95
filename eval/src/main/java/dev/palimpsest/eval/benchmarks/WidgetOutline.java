package dev.palimpsest.eval.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.mixtures.Outline;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Where a widget is on its screen, of which RICO's view file tells: bounds of nodes on a canvas
 * 2560 high, left, top, right and bottom (http://www.interactionmining.org/rico.html).
 *
 * <pre>
 * {"activity": {"root": {"bounds": [0, 0, 1440, 2560], "children": [{"bounds": [...], ...}]}}}
 * </pre>
 */
final class WidgetOutline {
  private static final double CANVAS_HEIGHT = 2560;

  private WidgetOutline() {}

  /**
   * Of the widget that a caption is of; {@code 0.3.1} is child 1 of child 3 of the root.
   *
   * @param views folder of {@code SCREEN.json}
   */
  static Outline of(Path views, BenchmarkExample caption) throws IOException {
    // screen_node; nodes hold no underscores.
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
