package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.ImageConfig.Resize;
import dev.palimpsest.mixtures.images.Image;
import dev.palimpsest.mixtures.images.ImageDecoder;
import dev.palimpsest.mixtures.images.ImagePreprocessor;
import dev.palimpsest.model.kernels.Kernels;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/**
 * Pictures to pixels: decoding, and the resize of both reference programs. Resizing starts from the
 * reference's decoded levels, so that differences between JPEG decoders do not matter.
 */
final class PreprocessingCase implements CaseKind {
  private static final String DECODED = "decoded.safetensors";
  private static final String EXPECTED = "expected.safetensors";
  private static final ImageConfig ANTIALIASED = new ImageConfig(Resize.BILINEAR, true);
  private static final ImageConfig PLAIN = new ImageConfig(Resize.BILINEAR, false);
  private static final ImageConfig PILLOW = new ImageConfig(Resize.BICUBIC, true);

  @Override
  public String description() {
    return "image preprocessing (" + DECODED + ", " + EXPECTED + ", images/)";
  }

  @Override
  public boolean recognises(Path folder) {
    return Files.isRegularFile(folder.resolve(DECODED))
        && Files.isRegularFile(folder.resolve(EXPECTED));
  }

  @Override
  public void certify(Path folder, NDManager manager, Kernels kernels, Report report) {
    try (TensorSource decoded = TensorSource.open(folder.resolve(DECODED));
        TensorSource expected = TensorSource.open(folder.resolve(EXPECTED))) {
      for (String name : decoded.names()) {
        Path file = folder.resolve("images").resolve(name);
        if (Files.isRegularFile(file)) {
          report.part("decode " + name, () -> decode(file, decoded, name, report));
        } else {
          report.absent("images/" + name);
        }
      }
      Resizes resizes = new Resizes(decoded, expected);
      for (String key : expected.names()) {
        report.part(key, () -> resizes.compare(key));
      }
      resizes.report(report);
    }
  }

  private static void decode(Path file, TensorSource decoded, String name, Report report)
      throws IOException {
    boolean jpeg = name.toLowerCase(Locale.ROOT).matches(".*\\.jpe?g");
    report.check(
        "decode " + name,
        Values.absolute(levels(ImageDecoder.decode(file).rgb()), Reference.values(decoded, name)),
        jpeg ? Tolerance.JPEG : Tolerance.LEVELS_EXACT);
  }

  private static double[] levels(byte[] bytes) {
    double[] levels = new double[bytes.length];
    for (int i = 0; i < levels.length; i++) {
      levels[i] = bytes[i] & 0xff;
    }
    return levels;
  }

  private static byte[] bytes(double[] levels) {
    byte[] bytes = new byte[levels.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (int) levels[i];
    }
    return bytes;
  }

  /** Every {@code picture/size/what} of the case, one line per {@code what}. */
  private static final class Resizes {
    private final TensorSource decoded;
    private final TensorSource expected;
    private final Map<String, Worst> lines = new LinkedHashMap<>();
    private final Map<String, Tolerance> tolerances = new LinkedHashMap<>();

    Resizes(TensorSource decoded, TensorSource expected) {
      this.decoded = decoded;
      this.expected = expected;
    }

    void compare(String key) {
      String[] parts = key.split("/");
      if (parts.length != 3) {
        throw new IllegalArgumentException("expected a name of the form picture/size/what");
      }
      String from = parts[0] + "/" + parts[1] + "/";
      int size = Integer.parseInt(parts[1]);
      switch (parts[2]) {
        case "bv_antialias_u8" -> truncated(key, image(parts[0]), size, ANTIALIASED);
        case "bv_plain_u8" -> truncated(key, image(parts[0]), size, PLAIN);
        case "bv_antialias_float" -> untruncated(key, image(parts[0]), size);
        case "hf_u8" ->
            add(
                key,
                "",
                Values.absolute(
                    levels(ImagePreprocessor.resize(PILLOW, image(parts[0]), size)), of(key)),
                Tolerance.LEVELS_EXACT);
        case "bv_pixels" -> pixels(key, from + "bv_antialias_u8", ANTIALIASED);
        case "hf_pixels" -> pixels(key, from + "hf_u8", PILLOW);
        default -> throw new IllegalArgumentException("this quantity is not known");
      }
    }

    private void truncated(String key, Image image, int size, ImageConfig config) {
      double[] actual = levels(ImagePreprocessor.resize(config, image, size));
      double[] reference = of(key);
      add(key, "", Values.absolute(actual, reference), Tolerance.TRUNCATED);
      add(
          key,
          ", share",
          Values.differing(actual, reference) / reference.length,
          Tolerance.TRUNCATED_SHARE);
    }

    private void untruncated(String key, Image image, int size) {
      float[] values = ImagePreprocessor.untruncated(ANTIALIASED, image, size);
      double[] actual = new double[values.length];
      for (int i = 0; i < actual.length; i++) {
        actual[i] = values[i];
      }
      add(key, "", Values.absolute(actual, of(key)), Tolerance.RESIZED_FLOAT);
    }

    private void pixels(String key, String levels, ImageConfig config) {
      FloatBuffer pixels = FloatBuffer.allocate(of(key).length);
      ImagePreprocessor.pixels(config, bytes(of(levels)), pixels);
      double[] actual = new double[pixels.capacity()];
      for (int i = 0; i < actual.length; i++) {
        actual[i] = pixels.get(i);
      }
      add(key, "", Values.absolute(actual, of(key)), Tolerance.PIXEL);
    }

    private void add(String key, String suffix, double error, Tolerance tolerance) {
      String line = key.substring(key.lastIndexOf('/') + 1) + suffix;
      lines.computeIfAbsent(line, l -> new Worst()).add(key, error);
      tolerances.put(line, tolerance);
    }

    void report(Report report) {
      lines.forEach((line, worst) -> worst.report(report, line, of(tolerances, line), "results"));
    }

    private static Tolerance of(Map<String, Tolerance> tolerances, String line) {
      return Objects.requireNonNull(tolerances.get(line));
    }

    private double[] of(String key) {
      return Reference.values(expected, key);
    }

    private Image image(String name) {
      return new Image(
          (int) decoded.shape(name).get(1),
          (int) decoded.shape(name).get(0),
          bytes(Reference.values(decoded, name)));
    }
  }
}
