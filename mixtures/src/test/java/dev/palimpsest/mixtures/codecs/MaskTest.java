package dev.palimpsest.mixtures.codecs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class MaskTest {
  @Test
  void runLengthCodesReturnWhatWasWritten() {
    SplittableRandom random = new SplittableRandom(7);
    for (int trial = 0; trial < 200; trial++) {
      int height = 1 + random.nextInt(20);
      int width = 1 + random.nextInt(20);
      BitSet pixels = new BitSet();
      for (int i = 0; i < height * width; i++) {
        pixels.set(i, random.nextInt(4) == 0);
      }
      Mask mask = new Mask(height, width, pixels);
      assertEquals(mask, Mask.ofRle(mask.rle(), height, width), "trial " + trial);
    }
  }

  @Test
  void aRunLengthCodeOfAnotherSizeIsRefused() {
    String code = Mask.ofPolygons(List.of(new double[] {0, 0, 4, 0, 4, 4, 0, 4}), 8, 8).rle();
    assertThrows(IllegalArgumentException.class, () -> Mask.ofRle(code, 8, 9));
    assertThrows(IllegalArgumentException.class, () -> Mask.ofRle(code, 4, 4));
  }

  @Test
  void resizingToTheSameSizeChangesNothing() {
    float[] image = {1, -2, 3, 4, 5, -6};
    assertArrayEquals(image, BilinearResize.resize(image, 2, 3, 2, 3));
  }

  /**
   * Pixel centres 0.5 and 1.5 from the output's centre weigh 3 and 1, what is cut off is made up.
   */
  @Test
  void shrinkingByTwoWidensTheTriangle() {
    float[] row = {0, 0, 8, 0};
    float[] half = BilinearResize.resize(row, 1, 4, 1, 2);
    assertEquals(8 / 7.0, half[0], 1e-6);
    assertEquals(8 * 3 / 7.0, half[1], 1e-6);
  }

  /** COCO writes the same mask as polygons, as plain runs and as compressed runs. */
  @Test
  void plainAndCompressedRunsAreOneMask() {
    Mask square = Mask.ofPolygons(List.of(new double[] {1, 1, 3, 1, 3, 3, 1, 3}), 4, 4);
    Mask plain = Mask.ofRuns(new int[] {5, 2, 2, 2, 5}, 4, 4);
    assertEquals(square, plain);
    assertEquals(square, Mask.ofRle(plain.rle(), 4, 4));
    assertThrows(IllegalArgumentException.class, () -> Mask.ofRuns(new int[] {5, 2}, 4, 4));
    assertThrows(IllegalArgumentException.class, () -> Mask.ofRuns(new int[] {5, 20}, 4, 4));
  }

  @Test
  void aPartIsAPictureOfItsOwn() {
    Mask mask = Mask.ofRuns(new int[] {5, 2, 2, 2, 5}, 4, 4); // rows and columns 1 and 2
    assertEquals(Mask.ofRuns(new int[] {0, 2, 2, 2}, 3, 2).area(), 4);
    assertArrayEquals(new int[] {0, 0, 1, 2}, mask.part(1, 2, 4, 4).boundingBox());
  }
}
