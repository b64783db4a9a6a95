package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.published.HuggingFaceConfig;
import dev.palimpsest.checkpoints.published.PretrainedImporter;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.towers.ModelInput;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Stage 0: an image tower and a decoder, in every published format, are joined to one model. */
final class ImportCase implements CaseKind {
  private static final String LANGUAGE = "gemma_hf";
  private static final String CONFIG = "target_config.json";
  private static final String INPUTS = "inputs.safetensors";
  private static final String OUTPUTS = "outputs.safetensors";
  private static final String EXPECTED = "expected_import.safetensors";
  private static final String PROJECTOR = "projector.safetensors";
  private static final String CONNECTOR_KERNEL = "connector/kernel";
  private static final String CONNECTOR_BIAS = "connector/bias";
  private static final String EMBEDDING = "language/embedding";

  @Override
  public String description() {
    return "stage-0 import ("
        + String.join(
            ", ", "siglip.npz or siglip_*", LANGUAGE + "/", CONFIG, EXPECTED, INPUTS, OUTPUTS)
        + ")";
  }

  @Override
  public boolean recognises(Path folder) {
    return Files.isDirectory(folder.resolve(LANGUAGE))
        && Stream.of(CONFIG, INPUTS, OUTPUTS, EXPECTED)
            .allMatch(file -> Files.isRegularFile(folder.resolve(file)));
  }

  @Override
  public void certify(Path folder, NDManager manager, Kernels kernels, Report report)
      throws IOException {
    HuggingFaceConfig target = HuggingFaceConfig.read(folder.resolve(CONFIG));
    try (TensorSource inputs = TensorSource.open(folder.resolve(INPUTS));
        TensorSource outputs = TensorSource.open(folder.resolve(OUTPUTS));
        TensorSource expected = TensorSource.open(folder.resolve(EXPECTED))) {
      for (Path vision : visionSources(folder)) {
        String source = vision.getFileName().toString();
        report.part(
            "import of " + source,
            () -> {
              Case c = new Case(folder, vision, target, inputs, outputs, kernels, manager, report);
              try (Parameters parameters = c.read(target.resolution())) {
                c.weights(parameters, expected);
                c.outputs(parameters, target.resolution(), "");
              }
              for (String suffix : c.otherResolutions()) {
                c.resized(suffix);
              }
            });
      }
    }
  }

  private static List<Path> visionSources(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(f -> f.getFileName().toString().startsWith("siglip"))
          .filter(f -> Files.isDirectory(f) || f.toString().endsWith(".npz"))
          .sorted()
          .toList();
    }
  }

  /** One format of the image tower together with the case's decoder. */
  private record Case(
      Path folder,
      Path vision,
      HuggingFaceConfig target,
      TensorSource inputs,
      TensorSource outputs,
      Kernels kernels,
      NDManager manager,
      Report report) {
    private String quantity(String what) {
      return vision.getFileName() + ": " + what;
    }

    private ModelConfig model() {
      return target.model();
    }

    Parameters read(int resolution) {
      return PretrainedImporter.read(
              manager,
              new Init.FromPretrained(
                  vision.toString(),
                  folder.resolve(LANGUAGE).toString(),
                  null,
                  Init.ConnectorInit.ZERO),
              model(),
              resolution,
              0)
          .parameters();
    }

    void weights(Parameters parameters, TensorSource expected) {
      Worst worst = new Worst();
      int width = model().language().width();
      for (String name : parameters.names()) {
        double[] actual = Values.of(parameters.get(name));
        if (name.equals(CONNECTOR_KERNEL) || name.equals(CONNECTOR_BIAS)) {
          worst.add(name, Values.differing(actual, new double[actual.length]));
          continue;
        }
        double[] reference = Reference.values(expected, Reference.name(model(), name));
        if (name.equals(EMBEDDING)) {
          drawn(Arrays.copyOfRange(actual, reference.length, actual.length));
          actual = Arrays.copyOf(actual, reference.length);
        }
        worst.add(name, Values.differing(actual, reference));
      }
      worst.report(report, quantity("parameters"), Tolerance.EXACT, "parameters");
      report.check(
          quantity("embedding rows"),
          Math.abs(
              parameters.get(EMBEDDING).getShape().get(0)
                  - (double) model().language().vocabulary()),
          Tolerance.EXACT,
          "of width " + width);
    }

    /** New embedding rows are normal with deviation 0.02 about 0. */
    private void drawn(double[] values) {
      if (values.length == 0) {
        report.absent("new embedding rows");
        return;
      }
      double mean = Arrays.stream(values).average().orElse(Double.NaN);
      double squares = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum();
      report.check(
          quantity("new embedding rows: mean"),
          Math.abs(mean) * Math.sqrt(values.length) / 0.02,
          Tolerance.DRAWN_MEAN);
      report.check(
          quantity("new embedding rows: deviation"),
          Math.abs(Math.sqrt(squares / values.length) - 0.02),
          Tolerance.DRAWN_DEVIATION);
    }

    void outputs(Parameters parameters, int resolution, String suffix) throws IOException {
      features(parameters, suffix);
      logits("logits_zero_projector" + suffix, parameters, suffix);
      try (TensorSource projector = TensorSource.open(folder.resolve(PROJECTOR));
          Parameters given = Subject.copy(manager, parameters);
          NDManager step = manager.newSubManager()) {
        for (String name : List.of(CONNECTOR_KERNEL, CONNECTOR_BIAS)) {
          projector.toArray(step, Reference.name(model(), name)).copyTo(given.get(name));
        }
        logits("logits_given_projector" + suffix, given, suffix);
      }
      if (suffix.isEmpty() && outputs.contains("gemma_causal_logits")) {
        causal(parameters, resolution);
      }
    }

    private void features(Parameters parameters, String suffix) {
      String name = "vision_features" + suffix;
      if (!outputs.contains(name)) {
        return;
      }
      Map<String, double[]> values = new HashMap<>();
      try (NDManager step = manager.newSubManager()) {
        Models.of(model(), Precision.F32, kernels)
            .logits(
                step,
                Weights.of(parameters),
                input(step, suffix),
                (n, v) -> values.put(n, Values.of(v)));
      }
      compare(name, values.get("vision.last_hidden_state"), name);
    }

    private void logits(String name, Parameters parameters, String suffix) {
      if (!outputs.contains(name)) {
        return;
      }
      try (NDManager step = manager.newSubManager()) {
        compareLogits(name, parameters, input(step, suffix));
      }
    }

    /** The decoder alone: no image, and every token a step of its own. */
    private void causal(Parameters parameters, int resolution) {
      report.part(
          quantity("gemma_causal_logits"),
          () -> {
            try (NDManager step = manager.newSubManager()) {
              NDArray tokens = inputs.toArray(step, "gemma_tokens");
              compareLogits(
                  "gemma_causal_logits",
                  parameters,
                  new ModelInput(
                      step.zeros(new Shape(tokens.getShape().get(0), 0, resolution, resolution, 3)),
                      tokens,
                      step.ones(tokens.getShape(), DataType.INT64)));
            }
          });
    }

    private void compareLogits(String name, Parameters parameters, ModelInput input) {
      try (NDManager step = manager.newSubManager()) {
        NDArray logits =
            Models.of(model(), Precision.F32, kernels)
                .logits(step, Weights.of(parameters), input, Trace.NONE);
        // The reference only has the columns of the imported vocabulary.
        compare(name, Values.of(logits.get(":, :, :" + outputs.shape(name).get(2))), name);
      }
    }

    private ModelInput input(NDManager step, String suffix) {
      return new ModelInput(
          Reference.images(step, inputs, "pixel_values" + suffix),
          inputs.toArray(step, "model_text"),
          inputs.toArray(step, "model_mask_ar"));
    }

    private void compare(String what, double @Nullable [] actual, String name) {
      if (actual == null) {
        throw new IllegalStateException("the model's trace has no " + what);
      }
      report.check(
          quantity(what),
          Values.ofLargest(actual, Reference.values(outputs, name)),
          Tolerance.ACTIVATION);
    }

    /** Suffixes of inputs at other resolutions: {@code _56px}. */
    List<String> otherResolutions() {
      List<String> suffixes = new ArrayList<>();
      for (String name : inputs.names()) {
        if (name.matches("pixel_values_\\d+px")) {
          suffixes.add(name.substring("pixel_values".length()));
        }
      }
      return suffixes;
    }

    void resized(String suffix) throws IOException {
      int resolution = Integer.parseInt(suffix.substring(1, suffix.length() - 2));
      int side = resolution / model().vision().patchSize();
      try (Parameters parameters = read(resolution)) {
        String table = "pos_embedding_" + side + "x" + side;
        if (outputs.contains(table)) {
          report.check(
              quantity(table),
              Values.absolute(
                  Values.of(parameters.get("vision/position_embedding")),
                  Reference.values(outputs, table)),
              Tolerance.RESAMPLED);
        }
        outputs(parameters, resolution, suffix);
      }
    }
  }
}
