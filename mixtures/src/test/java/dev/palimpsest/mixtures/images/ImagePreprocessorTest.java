package dev.palimpsest.mixtures.images;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.data.AugmentConfig;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.ImageConfig.Jpeg;
import dev.palimpsest.configs.data.ImageConfig.Passes;
import dev.palimpsest.configs.data.ImageConfig.Resize;
import dev.palimpsest.mixtures.Golden;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

class ImagePreprocessorTest {
  private static final ImageConfig ANTIALIASED = new ImageConfig(Resize.BILINEAR, true);
  private static final ImageConfig PLAIN = new ImageConfig(Resize.BILINEAR, false);
  private static final ImageConfig BICUBIC = new ImageConfig(Resize.BICUBIC, true);

  private final Golden.Tensors decoded = Golden.tensors("images/decoded.safetensors");
  private final Golden.Tensors expected = Golden.tensors("images/expected.safetensors");

  @Test
  void antialiasedBilinearEqualsTensorFlowsToTheLevel() {
    for (String key : keys("bv_antialias_u8")) {
      assertArrayEquals(
          expected.bytes(key), ImagePreprocessor.resize(ANTIALIASED, image(key), size(key)), key);
    }
  }

  @Test
  void antialiasedBilinearBeforeTheCastEqualsTensorFlows() {
    for (String key : keys("bv_antialias_float")) {
      // Same operations in the same order: nothing but the last bits may differ.
      assertArrayEquals(
          expected.floats(key),
          ImagePreprocessor.untruncated(ANTIALIASED, image(key), size(key)),
          1e-4f,
          key);
    }
  }

  @Test
  void plainBilinearEqualsTensorFlowsToTheLevel() {
    for (String key : keys("bv_plain_u8")) {
      assertArrayEquals(
          expected.bytes(key), ImagePreprocessor.resize(PLAIN, image(key), size(key)), key);
    }
  }

  @Test
  void framesOfVideosKeepTheirFractions() throws IOException {
    Golden.Tensors frames = Golden.tensors("video/frames.safetensors");
    Image image = image("a_rgb.png");
    ImageConfig video =
        new ImageConfig(
            Resize.BILINEAR, false, false, Passes.ROWS_FIRST, Jpeg.ACCURATE, AugmentConfig.NONE);
    for (int size : new int[] {14, 33}) {
      FloatBuffer kept = FloatBuffer.allocate(3 * size * size);
      ImagePreprocessor.write(video, image, size, ImageSteps.NONE, kept);
      float[] reference = frames.floats("video_" + size);
      // Same operations in the same order: nothing but the last bits may differ.
      assertArrayEquals(reference, kept.array(), 1e-6f);
      FloatBuffer cut = FloatBuffer.allocate(3 * size * size);
      ImagePreprocessor.write(PLAIN, image, size, ImageSteps.NONE, cut);
      float largest = 0;
      for (int i = 0; i < reference.length; i++) {
        largest = Math.max(largest, Math.abs(reference[i] - cut.get(i)));
      }
      // Nearly a whole level, 2 / 255.
      assertEquals(0.0078, largest, 1e-4);
    }
  }

  @Test
  void bicubicEqualsPillowsToTheLevel() {
    for (String key : keys("hf_u8")) {
      assertArrayEquals(
          expected.bytes(key), ImagePreprocessor.resize(BICUBIC, image(key), size(key)), key);
    }
  }

  @Test
  void levelsBecomePixelsAsInBothPrograms() {
    for (String key : keys("bv_pixels")) {
      assertPixels(ANTIALIASED, key, key.replace("bv_pixels", "bv_antialias_u8"));
    }
    for (String key : keys("hf_pixels")) {
      assertPixels(BICUBIC, key, key.replace("hf_pixels", "hf_u8"));
    }
  }

  private void assertPixels(ImageConfig config, String pixels, String levels) {
    float[] golden = expected.floats(pixels);
    FloatBuffer out = FloatBuffer.allocate(golden.length + 1);
    ImagePreprocessor.pixels(config, expected.bytes(levels), out);
    assertEquals(1, out.remaining());
    float[] found = new float[golden.length];
    out.flip().get(found);
    assertArrayEquals(golden, found, 1e-6f, pixels);
  }

  @Test
  void aPictureOfTheRightSizeIsLeftAsItIs() {
    Image image = image("a_rgb.png");
    for (ImageConfig config : List.of(ANTIALIASED, PLAIN, BICUBIC)) {
      assertArrayEquals(image.rgb(), ImagePreprocessor.resize(config, image, 47), config::toString);
    }
  }

  @Test
  void onePixelFillsTheSquare() {
    Image image = new Image(1, 1, new byte[] {10, 20, (byte) 200});
    for (ImageConfig config : List.of(ANTIALIASED, PLAIN, BICUBIC)) {
      byte[] levels = ImagePreprocessor.resize(config, image, 3);
      for (int i = 0; i < levels.length; i++) {
        assertEquals(image.rgb()[i % 3], levels[i]);
      }
    }
  }

  @Test
  void extremelyFlatPicturesShrinkWithoutFailing() {
    Image image = new Image(5000, 2, new byte[5000 * 2 * 3]);
    for (ImageConfig config : List.of(ANTIALIASED, PLAIN, BICUBIC)) {
      assertArrayEquals(new byte[14 * 14 * 3], ImagePreprocessor.resize(config, image, 14));
    }
  }

  @Test
  void truncatingByArithmeticEqualsTheCast() {
    float[] values = new float[4 * 260 + 6];
    int count = 0;
    for (int level = -2; level < 258; level++) {
      values[count++] = level;
      values[count++] = Math.nextUp((float) level);
      values[count++] = Math.nextDown((float) level);
      values[count++] = level + 0.5f;
    }
    for (float value : new float[] {-0f, 1e-30f, 1e30f, -1e30f, 0.5f, 0.49999997f}) {
      values[count++] = value;
    }
    float[] truncated = values.clone();
    ImagePreprocessor.truncate(truncated, truncated.length, true);
    for (int i = 0; i < values.length; i++) {
      assertEquals(
          Math.max(0, Math.min(255, (int) values[i])), (double) truncated[i], "" + values[i]);
    }
  }

  @Test
  void levelsBecomeValuesAsByDivision() {
    for (int level = 0; level < 256; level++) {
      assertEquals(-1f + 2f * (level / 255f), ImagePreprocessor.bigVision(level), "" + level);
    }
  }

  @Test
  void writtenPixelsEqualThoseOfTheLevels() throws IOException {
    Image image = image("a_rgb.png");
    for (ImageConfig config : List.of(ANTIALIASED, PLAIN, BICUBIC)) {
      for (int size : new int[] {14, 61}) {
        FloatBuffer expected = FloatBuffer.allocate(3 * size * size);
        ImagePreprocessor.pixels(config, ImagePreprocessor.resize(config, image, size), expected);
        FloatBuffer actual = FloatBuffer.allocate(3 * size * size);
        ImagePreprocessor.write(config, image, size, ImageSteps.NONE, actual);
        assertArrayEquals(expected.array(), actual.array(), config + " " + size);
      }
    }
  }

  private List<String> keys(String what) {
    List<String> keys = expected.names().stream().filter(key -> key.endsWith("/" + what)).toList();
    assertTrue(keys.size() >= 6, what);
    return keys;
  }

  private Image image(String key) {
    String name = key.split("/")[0];
    int[] shape = decoded.shape(name);
    return new Image(shape[1], shape[0], decoded.bytes(name));
  }

  private static int size(String key) {
    return Integer.parseInt(key.split("/")[1]);
  }
}
