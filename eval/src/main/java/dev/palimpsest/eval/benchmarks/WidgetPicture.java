package dev.palimpsest.eval.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.mixtures.ImageReference;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;

/**
 * A screen with a red box around one widget. Where the widget is says the screen's view file: its
 * node's bounds on a canvas 2560 high.
 */
final class WidgetPicture {
  private static final double CANVAS_HEIGHT = 2560;

  private WidgetPicture() {}

  static ImageReference of(Path screen, Path views, BenchmarkExample example) {
    // screen_node; nodes hold no underscores.
    String node = example.id().substring(example.id().lastIndexOf('_') + 1);
    Path view = views.resolve(example.id().substring(0, example.id().lastIndexOf('_')) + ".json");
    return new ImageReference(screen + " with widget " + node, () -> drawn(screen, view, node), 0);
  }

  private static byte[] drawn(Path screen, Path view, String node) throws IOException {
    BufferedImage picture = ImageIO.read(new ByteArrayInputStream(Files.readAllBytes(screen)));
    if (picture == null) {
      throw new IOException("not a picture that can be decoded");
    }
    double[] box = bounds(view, node);
    double scale = picture.getHeight() / CANVAS_HEIGHT;
    BufferedImage boxed =
        new BufferedImage(picture.getWidth(), picture.getHeight(), BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = boxed.createGraphics();
    graphics.drawImage(picture, 0, 0, null);
    graphics.setColor(Color.RED);
    // About a pixel at 224.
    graphics.setStroke(new BasicStroke(Math.max(1, picture.getHeight() / 224f)));
    graphics.drawRect(
        (int) Math.round(box[0] * scale),
        (int) Math.round(box[1] * scale),
        (int) Math.round((box[2] - box[0]) * scale),
        (int) Math.round((box[3] - box[1]) * scale));
    graphics.dispose();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageIO.write(boxed, "png", out);
    return out.toByteArray();
  }

  /** {@code 0.3.1} is child 1 of child 3 of the root; left, top, right, bottom. */
  private static double[] bounds(Path view, String node) throws IOException {
    JsonNode at = JsonFile.read(view).root().path("activity").path("root");
    String[] steps = node.split("\\.");
    for (int i = 1; i < steps.length; i++) {
      at = at.path("children").path(Integer.parseInt(steps[i]));
    }
    if (at.path("bounds").size() != 4) {
      throw new IOException("%s has no node %s with bounds".formatted(view, node));
    }
    double[] box = new double[4];
    for (int i = 0; i < 4; i++) {
      box[i] = at.path("bounds").get(i).asDouble();
    }
    return box;
  }
}
