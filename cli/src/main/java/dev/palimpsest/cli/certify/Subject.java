package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.published.HuggingFaceConfig;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.TrainingInput;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.towers.ModelInput;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A model case, loaded.
 *
 * @param folder the case
 * @param sizes its config.json
 * @param parameters its weights
 * @param inputs inputs.safetensors
 * @param expected expected.json
 * @param manager holds what {@code batch} creates; none of it must be closed separately
 */
record Subject(
    Path folder,
    HuggingFaceConfig sizes,
    Parameters parameters,
    TensorSource inputs,
    JsonNode expected,
    Kernels kernels,
    NDManager manager) {
  /** The model's sizes. */
  ModelConfig config() {
    return sizes.model();
  }

  /** Side of the pictures. */
  int resolution() {
    return sizes.resolution();
  }

  Weights weights() {
    return Weights.of(parameters);
  }

  VisionLanguageModel model() {
    return Models.of(config(), Precision.F32, kernels);
  }

  /** The same model without the cap on its output logits, as big_vision trains it. */
  Subject withoutFinalSoftcap() {
    LanguageConfig language = config().language();
    return with(language.withSoftcaps(language.attentionSoftcap(), 0));
  }

  /**
   * A short sliding window has different meanings in transformers up to 4.52 and in transformers 5,
   * and config.json does not say which one applies. The case is certified with the meaning that is
   * nearer to its reference logits.
   */
  Subject withItsKindOfWindow(TensorSource outputs) {
    if (config().language().slidingWindow() == 0 || !outputs.contains("logits")) {
      return this;
    }
    Subject cutting = with(config().language().withWindowCutsPrefix(true));
    try {
      return cutting.distance(outputs) < distance(outputs) ? cutting : this;
    } catch (RuntimeException e) {
      return this; // the checks of the forward pass run into the same problem and report it
    }
  }

  private double distance(TensorSource outputs) {
    try (NDManager scratch = manager.newSubManager()) {
      NDArray logits = model().logits(scratch, weights(), batch(scratch).input(), Trace.NONE);
      return Values.ofLargest(Values.of(logits), Reference.values(outputs, "logits"));
    }
  }

  /** The meaning found for the case's window, if it is not the default. */
  String window() {
    return config().language().windowCutsPrefix()
        ? "the window cuts the prefix, as in transformers up to 4.52"
        : "";
  }

  private Subject with(LanguageConfig language) {
    return new Subject(
        folder,
        new HuggingFaceConfig(config().with(language), sizes.resolution(), sizes.imageToken()),
        parameters,
        inputs,
        expected,
        kernels,
        manager);
  }

  /** The same model with other weights. */
  Subject with(Parameters others) {
    return new Subject(folder, sizes, others, inputs, expected, kernels, manager);
  }

  /** The case's batch in training layout. */
  TrainingInput batch(NDManager holder) {
    return new TrainingInput(
        new ModelInput(
            Reference.images(holder, inputs, "pixel_values"),
            inputs.toArray(holder, "model_text"),
            inputs.toArray(holder, "model_mask_ar")),
        inputs.toArray(holder, "targets"),
        mask(holder, "target_mask"));
  }

  private NDArray mask(NDManager holder, String name) {
    try (NDArray integers = inputs.toArray(holder, name)) {
      return integers.toType(DataType.FLOAT32, true);
    }
  }

  /** Number of examples in the batch. */
  int batchSize() {
    return (int) inputs.shape("model_text").get(0);
  }

  /** Arrays of the same names and values in a new child of {@code parent}. */
  static Parameters copy(NDManager parent, Parameters parameters) {
    NDManager own = parent.newSubManager();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    parameters
        .asMap()
        .forEach(
            (name, array) -> {
              NDArray copy = array.duplicate();
              copy.attach(own);
              arrays.put(name, copy);
            });
    return new Parameters(own, arrays);
  }

  /** Zeros of the parameters' shapes. */
  Parameters zeros(NDManager parent) {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    parameters.asMap().forEach((name, array) -> shapes.put(name, array.getShape()));
    return Parameters.zeros(parent, shapes);
  }
}
