package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.published.ExportedProcessor;
import dev.palimpsest.checkpoints.published.HuggingFaceConfig;
import dev.palimpsest.checkpoints.published.ModelExporter;
import dev.palimpsest.checkpoints.published.ParameterValues;
import dev.palimpsest.checkpoints.published.PretrainedImporter;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.data.ImageConfig.Resize;
import dev.palimpsest.model.LossOptions;
import dev.palimpsest.model.blocks.Parameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** A model's weights in every published format: each must give the same parameters. */
final class WeightChecks {
  private static final String ROUNDED = "model.bf16.safetensors";

  private WeightChecks() {}

  static void run(Subject subject, Report report) throws IOException {
    Path folder = subject.folder();
    report.part("weights under the reference's names", () -> names(subject, report));
    for (Path file : files(folder, ".npz")) {
      report.part(file.getFileName() + " -> parameters", () -> same(subject, file, file, report));
    }
    if (files(folder, ".npz").isEmpty()) {
      report.absent("*.npz");
    }
    for (Path file : files(folder, ".safetensors")) {
      String name = file.getFileName().toString();
      if (name.startsWith("model.") && !name.equals("model.safetensors")) {
        report.part(
            name + " -> parameters",
            () -> {
              try (TemporaryFolder checkpoint =
                  TemporaryFolder.checkpoint(folder.resolve("config.json"), file)) {
                same(subject, checkpoint.path(), file, report);
              }
            });
      }
    }
    report.part("export", () -> export(subject, report));
  }

  /** Reads a complete checkpoint as the import stage does. */
  static Parameters read(NDManager manager, Path source, HuggingFaceConfig sizes) {
    return PretrainedImporter.read(
            manager,
            new Init.FromPretrained(null, null, source.toString(), Init.ConnectorInit.ZERO),
            sizes.model(),
            sizes.resolution(),
            0)
        .parameters();
  }

  private static Parameters read(Subject subject, Path source) {
    return read(subject.manager(), source, subject.sizes());
  }

  /**
   * Checks that every parameter is the array that the reference's own file has under its own name.
   */
  private static void names(Subject subject, Report report) {
    try (TensorSource file = TensorSource.open(subject.folder().resolve("model.safetensors"))) {
      Worst worst = new Worst();
      Set<String> unused = new TreeSet<>(file.names());
      for (String name : subject.parameters().names()) {
        String theirs = Reference.name(subject.config(), name);
        unused.remove(theirs);
        worst.add(
            name,
            Values.differing(
                Values.of(subject.parameters().get(name)), Reference.values(file, theirs)));
      }
      worst.report(report, "weights under the reference's names", Tolerance.EXACT, "parameters");
      report.check("names that no parameter has", unused.size(), Tolerance.EXACT);
    }
  }

  /** Checks that a file's weights are the float32 ones, rounded to the file's own number format. */
  private static void same(Subject subject, Path source, Path file, Report report) {
    ElementType type;
    try (TensorSource tensors = TensorSource.open(file)) {
      type = tensors.info(tensors.names().iterator().next()).type();
    }
    try (Parameters parameters = read(subject, source)) {
      compare(file.getFileName() + " -> parameters", subject, parameters, type, report);
    }
  }

  private static void compare(
      String quantity, Subject subject, Parameters parameters, ElementType type, Report report) {
    Worst worst = new Worst();
    for (String name : subject.parameters().names()) {
      double[] expected = Values.of(subject.parameters().get(name));
      for (int i = 0; i < expected.length; i++) {
        expected[i] = Rounding.to(type, expected[i]);
      }
      worst.add(name, Values.differing(Values.of(parameters.get(name)), expected));
    }
    worst.report(report, quantity, Tolerance.EXACT, "parameters, " + type);
  }

  /** Checks that what is written in either layout is read back bit for bit. */
  private static void export(Subject subject, Report report) throws IOException {
    try (TemporaryFolder folder = new TemporaryFolder()) {
      int rows = subject.config().language().vocabulary(); // cases have no tokenizer
      ParameterValues values = ParameterValues.of(subject.parameters());
      Path huggingFace = folder.path().resolve("huggingface");
      ModelExporter.huggingFace(
          huggingFace,
          values,
          subject.config(),
          subject.resolution(),
          Precision.F32,
          new ExportedProcessor(Resize.BICUBIC, rows, Map.of()),
          ModelExporter.Beside.NOTHING);
      try (Parameters back = read(subject, huggingFace)) {
        compare("export to Hugging Face -> import", subject, back, ElementType.F32, report);
      }
      report.check(
          "export to Hugging Face -> config",
          sameSizes(HuggingFaceConfig.read(huggingFace), subject.sizes()) ? 0 : 1,
          Tolerance.EXACT);
      Path npz = folder.path().resolve("model.npz");
      ModelExporter.bigVision(npz, values, subject.config(), subject.resolution(), Precision.F32);
      try (Parameters back = read(subject, npz)) {
        compare("export to big_vision -> import", subject, back, ElementType.F32, report);
      }
    }
  }

  /** The writer is free to choose the id of the image token. */
  private static boolean sameSizes(HuggingFaceConfig a, HuggingFaceConfig b) {
    return a.model().equals(b.model()) && a.resolution() == b.resolution();
  }

  /** Checks the forward pass, in float32, with weights rounded to bfloat16. */
  static void roundedForward(Subject subject, Report report) {
    Path weights = subject.folder().resolve(ROUNDED);
    Path outputs = subject.folder().resolve("outputs.bf16_weights.safetensors");
    Path expected = subject.folder().resolve("expected.bf16_weights.json");
    if (!Files.isRegularFile(weights) || !Files.isRegularFile(outputs)) {
      report.absent(ROUNDED + " with outputs.bf16_weights.safetensors");
      return;
    }
    report.part(
        "logits with bfloat16 weights",
        () -> {
          try (TemporaryFolder checkpoint =
                  TemporaryFolder.checkpoint(subject.folder().resolve("config.json"), weights);
              Parameters rounded = read(subject, checkpoint.path());
              TensorSource reference = TensorSource.open(outputs)) {
            Subject other = subject.with(rounded);
            ForwardChecks.logits(other, reference, "logits", "with bfloat16 weights", report);
            if (Files.isRegularFile(expected)) {
              JsonNode scalars = Reference.json(expected);
              try (NDManager manager = subject.manager().newSubManager()) {
                report.check(
                    "loss with bfloat16 weights",
                    Values.relative(
                        other
                            .model()
                            .loss(other.weights(), other.batch(manager), LossOptions.PLAIN)
                            .mean(),
                        scalars.required("loss_bv").asDouble()),
                    Tolerance.LOSS);
              }
            }
          }
        });
  }

  private static List<Path> files(Path folder, String ending) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(f -> f.getFileName().toString().endsWith(ending)).sorted().toList();
    }
  }
}
