package dev.palimpsest.cli.verify;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.published.PretrainedImporter;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.Elements;
import dev.palimpsest.checkpoints.tensors.SafetensorsWriter;
import dev.palimpsest.checkpoints.tensors.TensorInfo;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.files.Durable;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.towers.ModelInput;
import dev.palimpsest.stages.lineage.StageFacts;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Compares an export's logits with those of the checkpoint that it was made from. Blocks are read
 * when they are computed, so that no more than one of them is in memory.
 */
final class LogitsCheck {
  /** The group of a checkpoint that an export is made from. */
  static final String PARAMETERS = "parameters";

  private static final int TEXT_TOKENS = 8;

  private final Machine machine;
  private final @Nullable Path file;

  /**
   * Creates a check.
   *
   * @param file where input and logits are written, for other programs to compare; null: nowhere
   */
  LogitsCheck(Machine machine, @Nullable Path file) {
    this.machine = machine;
    this.file = file;
  }

  /**
   * Computes both models' logits. The export is read as import and {@code predict} read it.
   *
   * @param checkpoint the one that the export was made from; without it the logits only have to be
   *     finite
   * @param precision of the export, to which the checkpoint's values are rounded
   * @throws CheckpointFormatException when the export cannot be read
   */
  Verdict of(
      Path export,
      ExportedModel sizes,
      Optional<TrainingCheckpoint> checkpoint,
      Precision precision) {
    float[] logits;
    try (NDManager scope = machine.manager().newSubManager();
        PretrainedImporter importer =
            PretrainedImporter.open(
                new Init.FromPretrained(null, null, export.toString(), Init.ConnectorInit.ZERO),
                sizes.model(),
                sizes.resolution(),
                0)) {
      logits = logits(scope, new StreamedWeights(scope, importer.tensors()), sizes);
      if (file != null) {
        Question.of(sizes).write(scope, logits, file);
      }
    }
    int strange = 0;
    for (float logit : logits) {
      strange += Float.isFinite(logit) ? 0 : 1;
    }
    if (strange > 0) {
      return Verdict.fails(
          "logits", "%d of %d logits are not finite".formatted(strange, logits.length), List.of());
    }
    if (checkpoint.isEmpty()) {
      return Verdict.holds("logits", "all %d are finite".formatted(logits.length));
    }
    float[] expected;
    try (NDManager scope = machine.manager().newSubManager();
        TensorSource stored = checkpoint.get().source(PARAMETERS)) {
      StageFacts facts = StageFacts.of(checkpoint.get());
      expected =
          logits(
              scope,
              new StreamedWeights(scope, tensors(stored, precision)),
              new ExportedModel(facts.model(), facts.resolution(), sizes.rows()));
    }
    double worst = 0;
    for (int i = 0; i < Math.max(logits.length, expected.length); i++) {
      worst =
          logits.length == expected.length
              ? Math.max(worst, Math.abs((double) logits[i] - expected[i]))
              : Double.POSITIVE_INFINITY;
    }
    String summary =
        "the largest difference of %d from the checkpoint's is %.3g"
            .formatted(logits.length, worst);
    return worst == 0 && Arrays.equals(logits, expected)
        ? Verdict.holds("logits", summary)
        : Verdict.fails("logits", summary, List.of("equal parameters give equal logits"));
  }

  /** A checkpoint's parameters, float32, with the values that an export has. */
  private static List<Tensor> tensors(TensorSource file, Precision precision) {
    List<Tensor> tensors = new ArrayList<>();
    for (String name : file.names()) {
      TensorInfo info = new TensorInfo(name, ElementType.F32, file.shape(name));
      tensors.add(
          new Tensor(
              info,
              out ->
                  out.write(
                      info.elements(),
                      (first, memory) -> {
                        FloatBuffer values = memory.asFloatBuffer();
                        file.readFloats(name, first, values);
                        if (precision == Precision.BF16) {
                          Elements.roundToBfloat16(values.flip());
                        }
                      })));
    }
    return tensors;
  }

  /**
   * The input of both models: a random picture and a few tokens that all attend to each other.
   *
   * @param pixels [S, S, 3], values in [-1, 1]
   * @param tokens ids, BOS first
   */
  record Question(float[] pixels, long[] tokens, int side) {
    static Question of(ExportedModel sizes) {
      int side = sizes.resolution();
      float[] pixels = new float[3 * side * side];
      for (int i = 0; i < pixels.length; i++) {
        pixels[i] = (float) Math.sin(0.37 * i);
      }
      long[] tokens = new long[TEXT_TOKENS];
      for (int i = 0; i < tokens.length; i++) {
        tokens[i] = (2 + 97L * i) % sizes.model().language().vocabulary();
      }
      return new Question(pixels, tokens, side);
    }

    /** Float32 all of them: {@code pixels}, {@code tokens}, {@code logits} [T, V]. */
    void write(NDManager scope, float[] logits, Path file) {
      float[] ids = new float[tokens.length];
      for (int i = 0; i < ids.length; i++) {
        ids[i] = tokens[i];
      }
      List<Tensor> tensors =
          List.of(
              Tensor.of("pixels", scope.create(pixels, new Shape(side, side, 3)), ElementType.F32),
              Tensor.of("tokens", scope.create(ids), ElementType.F32),
              Tensor.of(
                  "logits",
                  scope.create(logits, new Shape(ids.length, logits.length / ids.length)),
                  ElementType.F32));
      Durable.file(file, channel -> SafetensorsWriter.write(channel, tensors));
    }
  }

  private float[] logits(NDManager scope, Weights weights, ExportedModel sizes) {
    Question question = Question.of(sizes);
    int side = question.side;
    ModelInput input =
        new ModelInput(
            scope.create(question.pixels, new Shape(1, 1, side, side, 3)),
            scope.create(question.tokens, new Shape(1, TEXT_TOKENS)),
            scope.zeros(new Shape(1, TEXT_TOKENS), DataType.INT64));
    return Models.of(sizes.model(), Precision.F32, machine.kernels())
        .logits(scope, weights, input, Trace.NONE)
        .toFloatArray();
  }
}
