package dev.palimpsest.mixtures.playground;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.Color;
import java.awt.Rectangle;
import java.awt.image.BufferedImage;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * What can be read at which resolution, by a reader that knows all words and their look: it lays
 * each word's clean picture over the middle, a pixel up or down, left or right, and takes the word
 * that correlates best.
 */
class LegibilityTest {
  private static final int PRINTS = 80;

  @Test
  void everySizeCanBeReadAtItsResolution() {
    assertReads(Print.Size.LARGE, 32);
    assertReads(Print.Size.MEDIUM, 64);
    assertReads(Print.Size.SMALL, 128);
  }

  /** Knowing what the words look like, this reader guesses well; chance is 1 in 24. */
  @Test
  void aResolutionBelowLosesPartOfThePrint() {
    double mediumAt32 = accuracy(Print.Size.MEDIUM, 32);
    double smallAt64 = accuracy(Print.Size.SMALL, 64);
    double smallAt32 = accuracy(Print.Size.SMALL, 32);
    assertTrue(mediumAt32 < 0.90, "medium at 32: " + mediumAt32);
    assertTrue(smallAt64 < 0.90, "small at 64: " + smallAt64);
    assertTrue(smallAt32 < 0.60, "small at 32: " + smallAt32);
  }

  private static void assertReads(Print.Size size, int resolution) {
    double accuracy = accuracy(size, resolution);
    assertTrue(accuracy > 0.95, size.word() + " at " + resolution + ": " + accuracy);
  }

  private static double accuracy(Print.Size size, int resolution) {
    Map<String, double[][]> templates = new HashMap<>();
    for (String word : Print.WORDS) {
      templates.put(word, squeeze(clean(word, size), resolution));
    }
    int right = 0;
    for (int i = 0; i < PRINTS; i++) {
      Print print = Print.random(new Random(i), size);
      double[][] seen = squeeze(Picture.draw(print, 1000 + i), resolution);
      String best = "";
      double bestScore = Double.NEGATIVE_INFINITY;
      for (Map.Entry<String, double[][]> template : templates.entrySet()) {
        for (int dy = -1; dy <= 1; dy++) {
          for (int dx = -1; dx <= 1; dx++) {
            double score = correlation(seen, template.getValue(), dx, dy);
            if (score > bestScore) {
              bestScore = score;
              best = template.getKey();
            }
          }
        }
      }
      right += best.equals(print.word()) ? 1 : 0;
    }
    return (double) right / PRINTS;
  }

  private static BufferedImage clean(String word, Print.Size size) {
    Canvas canvas = new Canvas(new Random(7));
    canvas.fill(Color.LIGHT_GRAY, new Rectangle(0, 0, Canvas.SIDE, Canvas.SIDE));
    canvas.fill(Hue.BLACK.color(), new Print(word, size, 0, 0, null).inkShape());
    return canvas.finish(new Random(7));
  }

  /** Grey levels [resolution, resolution], each the mean of the pixels under it. */
  private static double[][] squeeze(BufferedImage image, int resolution) {
    int block = Canvas.SIDE / resolution;
    double[][] grey = new double[resolution][resolution];
    for (int y = 0; y < Canvas.SIDE; y++) {
      for (int x = 0; x < Canvas.SIDE; x++) {
        int p = image.getRGB(x, y);
        grey[y / block][x / block] += (p >> 16 & 255) + (p >> 8 & 255) + (p & 255);
      }
    }
    return grey;
  }

  /** Pearson's, over the window that large print can cover. */
  private static double correlation(double[][] seen, double[][] template, int dx, int dy) {
    int side = seen.length;
    double n = 0;
    double a = 0;
    double b = 0;
    double aa = 0;
    double bb = 0;
    double ab = 0;
    for (int y = side * 3 / 8; y < side * 5 / 8; y++) {
      for (int x = side / 5; x < side - side / 5; x++) {
        double s = seen[y + dy][x + dx];
        double t = template[y][x];
        n++;
        a += s;
        b += t;
        aa += s * s;
        bb += t * t;
        ab += s * t;
      }
    }
    return (n * ab - a * b) / Math.sqrt((n * aa - a * a) * (n * bb - b * b));
  }
}
