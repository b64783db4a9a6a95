package dev.palimpsest.mixtures.images;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.data.AugmentConfig;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.ImageConfig.Resize;
import dev.palimpsest.mixtures.Golden;
import dev.palimpsest.mixtures.codecs.BoundingBox;
import dev.palimpsest.mixtures.images.ResizeMethod.Kernel;
import dev.palimpsest.mixtures.order.Draw;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.HashSet;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class ImageStepsTest {
  private static final JsonNode EXPECTED = Golden.json("resize/expected.json");

  private static Image image(JsonNode node) {
    int[] levels = Golden.ints(node.get("rgb"));
    byte[] rgb = new byte[levels.length];
    for (int i = 0; i < rgb.length; i++) {
      rgb[i] = (byte) levels[i];
    }
    return new Image(node.get("width").intValue(), node.get("height").intValue(), rgb);
  }

  /** float32 positions and weights against float64: a thousandth of a level and its rounding. */
  @Test
  void everyMethodIsItsFormula() {
    for (JsonNode example : EXPECTED.get("cases")) {
      int size = example.get("size").intValue();
      for (Kernel kernel : Kernel.values()) {
        for (boolean antialias : new boolean[] {true, false}) {
          FloatBuffer rows = FloatBuffer.allocate(3 * size * size);
          ResizeMethod method = new ResizeMethod(kernel, antialias);
          TensorFlowResize.weighted(
              image(example),
              size,
              method,
              RowArithmetic.fastest(),
              (row, count) -> rows.put(row, 0, count));
          float[] actual = rows.array();
          JsonNode expected = example.get("expected").get(kernel + "/" + antialias);
          assertEquals(expected.size(), actual.length);
          for (int i = 0; i < actual.length; i++) {
            assertEquals(expected.get(i).doubleValue(), actual[i], 3e-3, kernel + " " + antialias);
          }
        }
      }
    }
  }

  /**
   * Another program's encoder and decoder: the quantisation is the same, the transforms and the
   * interpolation of colour round differently.
   */
  @Test
  void jpegIsOfTheQualityThatItSays() throws IOException {
    JsonNode jpeg = EXPECTED.get("jpeg");
    Image image = image(jpeg);
    for (String quality : new String[] {"75", "85", "95"}) {
      ImageSteps steps = new ImageSteps(Integer.parseInt(quality), BoundingBox.WHOLE, null);
      byte[] actual = steps.apply(image).rgb();
      int[] expected = Golden.ints(jpeg.get("decoded").get(quality));
      double sum = 0;
      for (int i = 0; i < expected.length; i++) {
        int difference = Math.abs(expected[i] - (actual[i] & 0xff));
        assertTrue(difference <= 6, quality + ": " + difference);
        sum += difference;
      }
      assertTrue(sum / expected.length < 0.5, quality + ": " + sum / expected.length);
    }
  }

  @Test
  void aCropKeepsItsPixels() throws IOException {
    byte[] rgb = new byte[3 * 4 * 6];
    for (int i = 0; i < rgb.length; i++) {
      rgb[i] = (byte) i;
    }
    BoundingBox view = new BoundingBox(0.25, 0.5, 0.75, 1);
    Image cropped = new ImageSteps(0, view, null).apply(new Image(6, 4, rgb));
    assertEquals(3, cropped.width());
    assertEquals(2, cropped.height());
    assertEquals(3 * (6 + 3), cropped.rgb()[0]);
    assertEquals(3 * (2 * 6 + 5) + 2, cropped.rgb()[17]);
  }

  @Test
  void visitsDrawWhatTheRecipeAllows() {
    AugmentConfig config = new AugmentConfig(true, 0.25, 0.9);
    Set<ResizeMethod> methods = new HashSet<>();
    TreeMap<Integer, Integer> qualities = new TreeMap<>();
    for (int i = 0; i < 4000; i++) {
      ImageSteps steps = ImageSteps.draw(config, Draw.at(1, "s", i));
      methods.add(java.util.Objects.requireNonNull(steps.resize()));
      qualities.merge(steps.jpegQuality(), 1, Integer::sum);
      BoundingBox view = steps.view();
      assertTrue(view.area() >= 0.9 - 1e-9 && view.area() <= 1, view.toString());
      assertEquals(view, view.intersection(BoundingBox.WHOLE));
    }
    assertEquals(10, methods.size());
    assertEquals(3000, qualities.getOrDefault(0, 0), 110, "four standard deviations");
    qualities.remove(0);
    assertEquals(21, qualities.size());
    assertEquals(75, qualities.firstKey());
    assertEquals(95, qualities.lastKey());
    assertEquals(ImageSteps.NONE, ImageSteps.draw(config, Draw.inOrder()));
    assertEquals(ImageSteps.NONE, ImageSteps.draw(AugmentConfig.NONE, Draw.at(1, "s", 0)));
  }

  @Test
  void whatIsNotVariedIsResizedAsBefore() throws IOException {
    Image image = image(EXPECTED.get("cases").get(0));
    ImageConfig config = new ImageConfig(Resize.BICUBIC, true);
    FloatBuffer expected = FloatBuffer.allocate(3 * 8 * 8);
    ImagePreprocessor.pixels(config, ImagePreprocessor.resize(config, image, 8), expected);
    FloatBuffer actual = FloatBuffer.allocate(3 * 8 * 8);
    ImagePreprocessor.write(config, image, 8, ImageSteps.NONE, actual);
    assertArrayEquals(expected.array(), actual.array());
  }
}
