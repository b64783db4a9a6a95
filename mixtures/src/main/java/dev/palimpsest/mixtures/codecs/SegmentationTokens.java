package dev.palimpsest.mixtures.codecs;

import dev.palimpsest.mixtures.formats.MalformedFileException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Masks as sixteen of 128 segmentation tokens, {@code <seg000>} to {@code <seg127>}: the codes of a
 * small variational autoencoder over the mask inside its box, 4 x 4 of them, row by row. The
 * weights are read from their published file, {@code vae-oid.npz} (big_vision,
 * pp/proj/paligemma/segmentation.py; names and layouts are PyTorch's). Layer widths are taken from
 * the arrays. Thread-safe.
 */
public final class SegmentationTokens {
  /** Number of tokens. */
  public static final int CODES = 128;

  /** Number of tokens for a mask. */
  public static final int LENGTH = 16;

  /** Side of the codec's square mask. */
  public static final int SIDE = 64;

  private static final int GRID = 4;
  private static final Pattern SEQUENCE = Pattern.compile("(?:<seg\\d{3}>){" + LENGTH + "}");

  private final Map<String, NumpyArchive.Array> weights;
  private final NumpyArchive.Array codebook;

  /** Weights of convolutions by name, loaded when they are first needed. */
  private final Map<String, Convolutions.Layer> layers = new ConcurrentHashMap<>();

  private SegmentationTokens(Map<String, NumpyArchive.Array> weights) {
    this.weights = weights;
    codebook = weight("_vq_vae._embedding", 2);
    if (codebook.shape()[0] != CODES) {
      throw new IllegalArgumentException(
          "the codebook must have %d rows, found %d".formatted(CODES, codebook.shape()[0]));
    }
    int width = codebook.shape()[1];
    int inner = 1;
    for (int layer = 0; layer <= 6; layer += 2) {
      inner = chained("encoder." + layer, inner, false);
    }
    for (int layer = 8; layer <= 9; layer++) {
      chainedBlock("encoder." + layer, inner);
    }
    require("encoder.10", chained("encoder.10", inner, false), width);
    inner = chained("decoder.0", width, false);
    chainedBlock("decoder.2", inner);
    chainedBlock("decoder.3", inner);
    for (int layer = 4; layer <= 10; layer += 2) {
      inner = chained("decoder." + layer, inner, true);
    }
    require("decoder.12", chained("decoder.12", inner, false), 1);
  }

  /**
   * Reads the weights.
   *
   * @throws UncheckedIOException when the file cannot be read
   * @throws MalformedFileException when it does not contain such a codec; the message says what is
   *     missing
   */
  public static SegmentationTokens load(Path file) {
    try {
      return new SegmentationTokens(NumpyArchive.read(file));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the mask codec " + e.getMessage(), e);
    } catch (IllegalArgumentException e) {
      throw new MalformedFileException("mask codec " + file + ": " + e.getMessage(), e);
    }
  }

  private NumpyArchive.Array weight(String name, int axes) {
    NumpyArchive.Array array = weights.get(name);
    if (array == null) {
      throw new IllegalArgumentException("has no array '" + name + "'");
    }
    if (array.shape().length != axes) {
      throw new IllegalArgumentException(
          "'%s' must have %d axes, found shape %s"
              .formatted(name, axes, Arrays.toString(array.shape())));
    }
    return array;
  }

  /** Checks the number of a layer's input channels, and returns that of its output channels. */
  private int chained(String layer, int inputs, boolean transposed) {
    NumpyArchive.Array weight = weight(layer + ".weight", 4);
    require(layer + "'s input", weight.shape()[transposed ? 0 : 1], inputs);
    int outputs = weight.shape()[transposed ? 1 : 0];
    if (transposed) {
      require(layer + "'s kernel", weight.shape()[2], 4);
    }
    require(layer + "'s kernel", weight.shape()[3], weight.shape()[2]);
    require(layer + ".bias", weight(layer + ".bias", 1).shape()[0], outputs);
    return outputs;
  }

  private void chainedBlock(String layer, int width) {
    for (int part = 0; part <= 4; part += 2) {
      String name = layer + ".net." + part;
      require(name, chained(name, width, false), width);
    }
  }

  private static void require(String what, int found, int expected) {
    if (found != expected) {
      throw new IllegalArgumentException(
          "%s must be %d, found %d".formatted(what, expected, found));
    }
  }

  /**
   * Encodes the part of a mask inside a box.
   *
   * @param box in the mask's picture; rounded to pixels, at least one
   * @return {@value #LENGTH} numbers below {@value #CODES}
   */
  public int[] encode(Mask mask, BoundingBox box) {
    return nearest(features(crop(mask, box)));
  }

  /**
   * The encoder's input: the mask inside a box, resized bilinearly with antialiasing.
   *
   * @return float32 [64, 64] in [0, 1]
   */
  public static float[] crop(Mask mask, BoundingBox box) {
    int[] pixels = box.pixels(mask.height(), mask.width());
    int height = pixels[2] - pixels[0];
    int width = pixels[3] - pixels[1];
    float[] inside = new float[height * width];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        inside[y * width + x] =
            mask.pixels().get((x + pixels[1]) * mask.height() + y + pixels[0]) ? 1 : 0;
      }
    }
    return BilinearResize.resize(inside, height, width, SIDE, SIDE);
  }

  /**
   * The encoder's output.
   *
   * @param crop float32 [64, 64] in [0, 1]
   * @return float32 [16, E], the grid row by row
   */
  public float[] features(float[] crop) {
    float[] x = new float[crop.length];
    for (int i = 0; i < x.length; i++) {
      x[i] = 2 * (crop[i] - 0.5f);
    }
    int side = SIDE;
    for (int layer = 0; layer <= 6; layer += 2) {
      x = Convolutions.relu(convolve("encoder." + layer, x, side, 2));
      side /= 2;
    }
    x = block("encoder.8", x, side);
    x = block("encoder.9", x, side);
    x = convolve("encoder.10", x, side, 1);
    int width = codebook.shape()[1];
    float[] rows = new float[x.length];
    for (int channel = 0; channel < width; channel++) {
      for (int cell = 0; cell < LENGTH; cell++) {
        rows[cell * width + channel] = x[channel * LENGTH + cell];
      }
    }
    return rows;
  }

  /** The row of the codebook that is nearest to each cell's features. */
  private int[] nearest(float[] features) {
    int width = codebook.shape()[1];
    int[] codes = new int[LENGTH];
    for (int cell = 0; cell < LENGTH; cell++) {
      double least = Double.POSITIVE_INFINITY;
      for (int code = 0; code < CODES; code++) {
        double distance = 0;
        for (int i = 0; i < width; i++) {
          double d = features[cell * width + i] - codebook.values()[code * width + i];
          distance += d * d;
        }
        if (distance < least) {
          least = distance;
          codes[cell] = code;
        }
      }
    }
    return codes;
  }

  /**
   * Decodes a mask.
   *
   * @param codes {@value #LENGTH} numbers below {@value #CODES}
   * @return float32 [64, 64], above 0 inside
   */
  public float[] decode(int[] codes) {
    int width = codebook.shape()[1];
    float[] x = new float[width * LENGTH];
    for (int cell = 0; cell < LENGTH; cell++) {
      for (int channel = 0; channel < width; channel++) {
        x[channel * LENGTH + cell] = codebook.values()[codes[cell] * width + channel];
      }
    }
    x = Convolutions.relu(convolve("decoder.0", x, GRID, 1));
    x = block("decoder.2", x, GRID);
    x = block("decoder.3", x, GRID);
    int side = GRID;
    for (int layer = 4; layer <= 10; layer += 2) {
      String name = "decoder." + layer;
      float[] bias = weight(name + ".bias", 1).values();
      x = Convolutions.relu(Convolutions.upsample(x, side, weight(name + ".weight", 4), bias));
      side *= 2;
    }
    return convolve("decoder.12", x, side, 1);
  }

  private float[] convolve(String layer, float[] in, int side, int stride) {
    Convolutions.Layer weights =
        layers.computeIfAbsent(
            layer,
            name ->
                Convolutions.Layer.of(
                    weight(name + ".weight", 4), weight(name + ".bias", 1).values()));
    return Convolutions.convolve(in, side, weights, stride);
  }

  /** x + conv(relu(conv(relu(conv(x))))). */
  private float[] block(String layer, float[] in, int side) {
    float[] x = Convolutions.relu(convolve(layer + ".net.0", in, side, 1));
    x = Convolutions.relu(convolve(layer + ".net.2", x, side, 1));
    x = convolve(layer + ".net.4", x, side, 1);
    for (int i = 0; i < x.length; i++) {
      x[i] += in[i];
    }
    return x;
  }

  /**
   * Places a decoded mask in its picture: resized to the box with Pillow's bilinear filter, and set
   * where the result is above 0.
   *
   * @param map float32 [64, 64], as {@link #decode} returns it
   * @param top first row of the box, in pixels; bottom and right are excluded
   */
  public static Mask paint(
      float[] map, int top, int left, int bottom, int right, int height, int width) {
    BitSet pixels = new BitSet(height * width);
    int wide = right - left;
    float[] resized = BilinearResize.resize(map, SIDE, SIDE, bottom - top, wide);
    for (int y = top; y < bottom; y++) {
      for (int x = left; x < right; x++) {
        if (resized[(y - top) * wide + x - left] > 0) {
          pixels.set(x * height + y);
        }
      }
    }
    return new Mask(height, width, pixels);
  }

  /** {@code <seg042><seg083>...}. */
  public static String text(int[] codes) {
    StringBuilder text = new StringBuilder();
    for (int code : codes) {
      text.append(String.format(Locale.ROOT, "<seg%03d>", code));
    }
    return text.toString();
  }

  /**
   * The codes of the sixteen tokens at the beginning of a text; empty if it does not begin with
   * sixteen.
   */
  public static Optional<int[]> leading(String text) {
    Matcher matcher = SEQUENCE.matcher(text);
    if (!matcher.lookingAt()) {
      return Optional.empty();
    }
    int[] codes = new int[LENGTH];
    for (int i = 0; i < LENGTH; i++) {
      int start = i * "<seg000>".length() + "<seg".length();
      codes[i] = Integer.parseInt(text.substring(start, start + 3));
      if (codes[i] >= CODES) {
        return Optional.empty();
      }
    }
    return Optional.of(codes);
  }
}
