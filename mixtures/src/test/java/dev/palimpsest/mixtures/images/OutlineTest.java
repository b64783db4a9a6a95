package dev.palimpsest.mixtures.images;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.ImageConfig.Resize;
import dev.palimpsest.mixtures.Golden;
import java.io.IOException;
import java.nio.FloatBuffer;
import org.junit.jupiter.api.Test;

class OutlineTest {
  @Test
  void framesAreThoseOfTheReleasedProgram() throws IOException {
    ImageConfig config = new ImageConfig(Resize.BILINEAR, true);
    int cases = 0;
    for (JsonNode example : Golden.json("outline/frames.json")) {
      int[] bounds = Golden.ints(example.path("bounds"));
      int height = example.path("height").intValue();
      int width = example.path("width").intValue();
      int side = example.path("side").intValue();
      Outline outline = new Outline(bounds[0], bounds[1], bounds[2], bounds[3], 2560);
      FloatBuffer pixels = FloatBuffer.allocate(1 + 3 * side * side);
      pixels.put(0.5f); // what is before stays
      ImagePreprocessor.write(
          config,
          new Image(width, height, new byte[3 * width * height]),
          side,
          ImageSteps.outlined(outline),
          pixels);
      assertEquals(0, pixels.remaining());
      assertEquals(0.5f, pixels.get(0));
      for (int y = 0; y < side; y++) {
        StringBuilder row = new StringBuilder();
        for (int x = 0; x < side; x++) {
          int at = 1 + 3 * (y * side + x);
          boolean red = pixels.get(at) == 1;
          row.append(red ? '#' : '.');
          assertTrue(pixels.get(at + 1) == -1 && pixels.get(at + 2) == -1);
        }
        assertEquals(example.path("rows").get(y).textValue(), row.toString(), example.toString());
      }
      cases++;
    }
    assertEquals(16, cases);
  }
}
