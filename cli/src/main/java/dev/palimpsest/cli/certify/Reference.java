package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.published.HuggingFaceNames;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

/** Reads the files of cases. */
final class Reference {
  private Reference() {}

  static JsonNode json(Path file) throws IOException {
    return Json.STRICT.readTree(file.toFile());
  }

  /** A parameter's name in the reference's files. */
  static String name(ModelConfig model, String ours) {
    String theirs = HuggingFaceNames.of(model).get(ours);
    if (theirs == null) {
      throw new IllegalArgumentException("no reference name for " + ours);
    }
    return theirs;
  }

  /** Values of a stored tensor of any type, row-major. */
  static double[] values(TensorSource source, String name) {
    if (!source.info(name).type().isFloating()) {
      return Arrays.stream(source.integers(name)).asDoubleStream().toArray();
    }
    float[] floats = source.floats(name);
    double[] values = new double[floats.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = floats[i];
    }
    return values;
  }

  /**
   * Pictures, stored channels first, with or without an axis for several images per example.
   *
   * @return float32 [B, F, S, S, 3]
   */
  static NDArray images(NDManager manager, TensorSource source, String name) {
    long[] shape = source.shape(name).getShape(); // [B, 3, S, S] or [B, F, 3, S, S]
    boolean several = shape.length == 5;
    int pictures = (int) (several ? shape[0] * shape[1] : shape[0]);
    int area = (int) (shape[shape.length - 1] * shape[shape.length - 2]);
    float[] from = source.floats(name);
    float[] to = new float[from.length];
    for (int p = 0; p < pictures; p++) {
      for (int c = 0; c < 3; c++) {
        for (int i = 0; i < area; i++) {
          to[(p * area + i) * 3 + c] = from[(p * 3 + c) * area + i];
        }
      }
    }
    long side = shape[shape.length - 1];
    return manager.create(to, new Shape(shape[0], several ? shape[1] : 1, side, side, 3));
  }
}
