package dev.palimpsest.cli.verify;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.published.ExportedBytes;
import dev.palimpsest.checkpoints.published.HuggingFaceConfig;
import dev.palimpsest.checkpoints.published.LoaderNames;
import dev.palimpsest.checkpoints.published.ParameterValues;
import dev.palimpsest.checkpoints.published.PretrainedImporter;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.Elements;
import dev.palimpsest.checkpoints.tensors.SafetensorsWriter;
import dev.palimpsest.checkpoints.tensors.TensorInfo;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.cli.lineage.Sources;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.files.Durable;
import dev.palimpsest.files.Json;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.towers.ModelInput;
import dev.palimpsest.stages.lineage.Lineage;
import dev.palimpsest.stages.lineage.StageFacts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An export under test: its files against their hashes, its names against the loaders of other
 * programs, its values and logits against the checkpoint that it was made from.
 */
final class Verification {
  private static final String PARAMETERS = "parameters";
  private static final int TEXT_TOKENS = 8;

  private final Path export;
  private final boolean huggingFace;
  private final @Nullable Path against;
  private final @Nullable Path logitsFile;
  private final List<Verdict> verdicts = new ArrayList<>();

  /**
   * What an export contains.
   *
   * @param rows rows of its embedding, those of padding among them
   */
  private record Sizes(ModelConfig model, int resolution, int rows) {}

  private Verification(
      Path export, boolean huggingFace, @Nullable Path against, @Nullable Path logitsFile) {
    this.export = export;
    this.huggingFace = huggingFace;
    this.against = against;
    this.logitsFile = logitsFile;
  }

  /**
   * Runs all checks.
   *
   * @param path a Hugging Face folder, an npz file, or a folder with one of those
   * @param against the checkpoint to compare with; null: the one that the lineage names, if it
   *     still exists
   * @param logitsFile where input and logits are to be written, for other programs to compare
   * @param machine opened only when a model is computed
   */
  static List<Verdict> of(
      Path path, @Nullable Path against, @Nullable Path logitsFile, Supplier<Machine> machine) {
    Path export = export(path);
    Verification verification =
        new Verification(export, Files.isDirectory(export), against, logitsFile);
    verification.run(machine);
    return verification.verdicts;
  }

  private static Path export(Path path) {
    if (Files.isRegularFile(path) || Files.isRegularFile(path.resolve("config.json"))) {
      return path;
    }
    if (!Files.isDirectory(path)) {
      throw new UserMistake(path + ": no such file or folder");
    }
    try (Stream<Path> files = Files.list(path)) {
      List<Path> archives = files.filter(f -> f.toString().endsWith(".npz")).sorted().toList();
      if (archives.size() == 1) {
        return archives.get(0);
      }
      throw new UserMistake(
          archives.isEmpty()
              ? path
                  + " is not an export: expected a Hugging Face folder (config.json) or an npz file"
              : "%s contains %d npz files; name one".formatted(path, archives.size()));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + path, e);
    }
  }

  // ---- All checks

  private void run(Supplier<Machine> machine) {
    Optional<Lineage.Exported> lineage = files();
    Optional<TrainingCheckpoint> checkpoint = checkpoint(lineage);
    Optional<Sizes> sizes = attempt("config", () -> sizes(lineage, checkpoint));
    if (sizes.isEmpty()) {
      return;
    }
    Optional<Precision> precision = attempt("weights", () -> weights(sizes.get(), checkpoint));
    precision.ifPresent(p -> attempt("logits", () -> logits(sizes.get(), checkpoint, p, machine)));
  }

  /** A check that cannot read its input has failed. */
  private <T> Optional<T> attempt(String check, Supplier<T> supplier) {
    try {
      return Optional.of(supplier.get());
    } catch (CheckpointFormatException | InvalidConfigException e) {
      verdicts.add(
          Verdict.fails(
              check,
              "cannot be read",
              String.valueOf(e.getMessage()).lines().map(String::strip).toList()));
      return Optional.empty();
    }
  }

  /** Sizes and SHA-256. */
  private Optional<Lineage.Exported> files() {
    Optional<Lineage.Exported> lineage;
    try {
      lineage = Lineage.ofExport(export);
    } catch (InvalidConfigException e) {
      verdicts.add(
          Verdict.fails(
              "files", "the lineage is damaged", List.of(String.valueOf(e.getMessage()))));
      return Optional.empty();
    }
    if (lineage.isEmpty() || lineage.get().files().isEmpty()) {
      verdicts.add(
          Verdict.absent(
              "files",
              "no %s with sizes and SHA-256 lies beside it"
                  .formatted(Lineage.besides(export).getFileName())));
      return lineage;
    }
    List<String> wrong = new ArrayList<>(lineage.get().altered(export));
    wrong.addAll(surplus(lineage.get()));
    verdicts.add(
        wrong.isEmpty()
            ? Verdict.holds(
                "files",
                "%d have the sizes and SHA-256 that were exported"
                    .formatted(lineage.get().files().size()))
            : Verdict.fails(
                "files", wrong.size() + " have changed since they were exported", wrong));
    return lineage;
  }

  /** Weights beside those that were exported: a loader may read them. */
  private List<String> surplus(Lineage.Exported lineage) {
    if (!huggingFace) {
      return List.of();
    }
    Set<String> known = lineage.files().stream().map(f -> f.name()).collect(Collectors.toSet());
    try (Stream<Path> files = Files.list(export)) {
      return files
          .filter(f -> f.toString().matches(".*[.](safetensors|bin|pt|index[.]json)"))
          .filter(f -> !known.contains(String.valueOf(f.getFileName())))
          .map(f -> f + " was not exported")
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + export, e);
    }
  }

  private Optional<TrainingCheckpoint> checkpoint(Optional<Lineage.Exported> lineage) {
    if (against != null) {
      return Optional.of(CheckpointStore.open(against));
    }
    return lineage
        .flatMap(exported -> Sources.origin(export, exported.checkpoint()))
        .map(CheckpointStore::open);
  }

  /**
   * The sizes come from a Hugging Face config, or for an npz file from the checkpoint or the
   * recipe.
   */
  private Sizes sizes(Optional<Lineage.Exported> lineage, Optional<TrainingCheckpoint> checkpoint) {
    if (huggingFace) {
      HuggingFaceConfig config = HuggingFaceConfig.read(export);
      int rows = paddedRows();
      verdicts.add(
          Verdict.holds(
              "config",
              "%d pixels, embedding with %d trained rows of %d"
                  .formatted(config.resolution(), config.model().language().vocabulary(), rows)));
      return new Sizes(config.model(), config.resolution(), rows);
    }
    Optional<Sizes> sizes =
        checkpoint
            .map(StageFacts::of)
            .map(f -> new Sizes(f.model(), f.resolution(), f.model().language().vocabulary()))
            .or(() -> lineage.flatMap(exported -> recorded(exported.checkpoint())));
    return sizes.orElseThrow(
        () ->
            new UserMistake(
                export
                    + " does not describe its model, nor does a lineage beside it; give its checkpoint with --against"));
  }

  private int paddedRows() {
    try {
      return Json.STRICT
          .readTree(export.resolve("config.json").toFile())
          .path("text_config")
          .path("vocab_size")
          .asInt();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + export.resolve("config.json"), e);
    }
  }

  private Optional<Sizes> recorded(Lineage lineage) {
    try {
      PipelineConfig recipe =
          Recipes.bind(
              lineage.recipeYaml(), "the recorded recipe", List.of(), Map.of("run", "run"));
      return recipe.stages().stream()
          .filter(stage -> stage.name().equals(lineage.stage()))
          .findFirst()
          .map(
              stage -> {
                ModelConfig model = stage.model(recipe.model());
                return new Sizes(model, stage.resolution(), model.language().vocabulary());
              });
    } catch (InvalidConfigException e) {
      return Optional.empty(); // of another version; the checkpoint describes the model
    }
  }

  /** Names, shapes, number formats, and every value. */
  private Precision weights(Sizes sizes, Optional<TrainingCheckpoint> checkpoint) {
    try (TensorSource file = TensorSource.open(export)) {
      for (LoaderNames.Account account :
          LoaderNames.accounts(file, sizes.model, sizes.resolution, sizes.rows)) {
        verdicts.add(verdict(account));
      }
      Precision precision = precision(file);
      if (checkpoint.isEmpty()) {
        verdicts.add(
            Verdict.absent(
                "values",
                "the checkpoint that it was made from is not here; name it with --against"));
      } else {
        try (TensorSource parameters = checkpoint.get().source(PARAMETERS)) {
          compare(file, ParameterValues.of(parameters), sizes, precision, checkpoint.get());
        }
      }
      return precision;
    }
  }

  private static Verdict verdict(LoaderNames.Account account) {
    if (!account.without().isEmpty()) {
      return Verdict.absent(account.loader(), account.without());
    }
    List<String> details = new ArrayList<>();
    account.missing().forEach(name -> details.add("missing: " + name));
    account.unexpected().forEach(name -> details.add("unexpected: " + name));
    account.duplicated().forEach(name -> details.add("duplicated: " + name));
    account.wrong().forEach(what -> details.add("cannot be loaded: " + what));
    String summary =
        "%d missing, %d unexpected, %d duplicated of %d tensors%s"
            .formatted(
                account.missing().size(),
                account.unexpected().size(),
                account.duplicated().size(),
                account.tensors(),
                account.wrong().isEmpty()
                    ? ""
                    : ", %d that cannot be loaded".formatted(account.wrong().size()));
    return account.holds()
        ? Verdict.holds(account.loader(), summary)
        : Verdict.fails(account.loader(), summary, details);
  }

  /** The number format of the weights; all of them must have it. */
  private static Precision precision(TensorSource file) {
    Set<ElementType> types = new TreeSet<>();
    for (String name : file.names()) {
      types.add(file.info(name).type());
    }
    return types.equals(Set.of(ElementType.BF16)) ? Precision.BF16 : Precision.F32;
  }

  private void compare(
      TensorSource file,
      ParameterValues parameters,
      Sizes sizes,
      Precision precision,
      TrainingCheckpoint checkpoint) {
    List<String> differences =
        ExportedBytes.differences(
            file, parameters, sizes.model, precision, huggingFace, sizes.rows);
    verdicts.add(
        differences.isEmpty()
            ? Verdict.holds(
                "values",
                "every byte is equal to that of %s%s"
                    .formatted(
                        checkpoint.folder(),
                        precision == Precision.BF16 ? ", rounded to bfloat16" : ""))
            : Verdict.fails(
                "values",
                "%d tensors differ from %s".formatted(differences.size(), checkpoint.folder()),
                differences));
  }

  // ---- Logits

  /**
   * With the reader that import and {@code predict} use. Blocks are read when they are computed, so
   * that no more than one of them is in memory.
   */
  private Boolean logits(
      Sizes sizes,
      Optional<TrainingCheckpoint> checkpoint,
      Precision precision,
      Supplier<Machine> opener) {
    Machine machine = opener.get();
    float[] logits;
    try (NDManager scope = machine.manager().newSubManager();
        PretrainedImporter importer =
            PretrainedImporter.open(
                new Init.FromPretrained(null, null, export.toString(), Init.ConnectorInit.ZERO),
                sizes.model,
                sizes.resolution,
                0)) {
      logits = logits(machine, scope, new StreamedWeights(scope, importer.tensors()), sizes);
      if (logitsFile != null) {
        Question.of(sizes).write(scope, logits, logitsFile);
      }
    }
    int strange = 0;
    for (float logit : logits) {
      strange += Float.isFinite(logit) ? 0 : 1;
    }
    if (strange > 0) {
      verdicts.add(
          Verdict.fails(
              "logits",
              "%d of %d logits are not finite".formatted(strange, logits.length),
              List.of()));
      return false;
    }
    if (checkpoint.isEmpty()) {
      verdicts.add(Verdict.holds("logits", "all %d are finite".formatted(logits.length)));
      return true;
    }
    float[] expected;
    try (NDManager scope = machine.manager().newSubManager();
        TensorSource stored = checkpoint.get().source(PARAMETERS)) {
      StageFacts facts = StageFacts.of(checkpoint.get());
      expected =
          logits(
              machine,
              scope,
              new StreamedWeights(scope, tensors(stored, precision)),
              new Sizes(facts.model(), facts.resolution(), sizes.rows));
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
    verdicts.add(
        worst == 0 && Arrays.equals(logits, expected)
            ? Verdict.holds("logits", summary)
            : Verdict.fails("logits", summary, List.of("equal parameters give equal logits")));
    return worst == 0;
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
  private record Question(float[] pixels, long[] tokens, int side) {
    static Question of(Sizes sizes) {
      int side = sizes.resolution;
      float[] pixels = new float[3 * side * side];
      for (int i = 0; i < pixels.length; i++) {
        pixels[i] = (float) Math.sin(0.37 * i);
      }
      long[] tokens = new long[TEXT_TOKENS];
      for (int i = 0; i < tokens.length; i++) {
        tokens[i] = (2 + 97L * i) % sizes.model.language().vocabulary();
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

  private static float[] logits(Machine machine, NDManager scope, Weights weights, Sizes sizes) {
    Question question = Question.of(sizes);
    int side = question.side;
    ModelInput input =
        new ModelInput(
            scope.create(question.pixels, new Shape(1, 1, side, side, 3)),
            scope.create(question.tokens, new Shape(1, TEXT_TOKENS)),
            scope.zeros(new Shape(1, TEXT_TOKENS), DataType.INT64));
    return Models.of(sizes.model, Precision.F32, machine.kernels())
        .logits(scope, weights, input, Trace.NONE)
        .toFloatArray();
  }
}
