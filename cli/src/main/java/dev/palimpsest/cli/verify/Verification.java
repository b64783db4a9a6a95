package dev.palimpsest.cli.verify;

import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.published.ExportedBytes;
import dev.palimpsest.checkpoints.published.HuggingFaceConfig;
import dev.palimpsest.checkpoints.published.LoaderNames;
import dev.palimpsest.checkpoints.published.ParameterValues;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.cli.lineage.Sources;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.lineage.Lineage;
import dev.palimpsest.stages.lineage.StageFacts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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

  private final Path export;
  private final boolean huggingFace;
  private final @Nullable Path against;
  private final @Nullable Path logitsFile;
  private final List<Verdict> verdicts = new ArrayList<>();

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
    Optional<ExportedModel> sizes = attempt("config", () -> sizes(lineage, checkpoint));
    if (sizes.isEmpty()) {
      return;
    }
    Optional<Precision> precision = attempt("weights", () -> weights(sizes.get(), checkpoint));
    precision.ifPresent(
        p ->
            attempt(
                    "logits",
                    () ->
                        new LogitsCheck(machine.get(), logitsFile)
                            .of(export, sizes.get(), checkpoint, p))
                .ifPresent(verdicts::add));
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

  /** ExportedModel and SHA-256. */
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
  private ExportedModel sizes(
      Optional<Lineage.Exported> lineage, Optional<TrainingCheckpoint> checkpoint) {
    if (huggingFace) {
      HuggingFaceConfig config = HuggingFaceConfig.read(export);
      int rows = paddedRows();
      verdicts.add(
          Verdict.holds(
              "config",
              "%d pixels, embedding with %d trained rows of %d"
                  .formatted(config.resolution(), config.model().language().vocabulary(), rows)));
      return new ExportedModel(config.model(), config.resolution(), rows);
    }
    Optional<ExportedModel> sizes =
        checkpoint
            .map(StageFacts::of)
            .map(
                f ->
                    new ExportedModel(f.model(), f.resolution(), f.model().language().vocabulary()))
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

  private Optional<ExportedModel> recorded(Lineage lineage) {
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
                return new ExportedModel(model, stage.resolution(), model.language().vocabulary());
              });
    } catch (InvalidConfigException e) {
      return Optional.empty(); // of another version; the checkpoint describes the model
    }
  }

  /** Names, shapes, number formats, and every value. */
  private Precision weights(ExportedModel sizes, Optional<TrainingCheckpoint> checkpoint) {
    try (TensorSource file = TensorSource.open(export)) {
      for (LoaderNames.Account account :
          LoaderNames.accounts(file, sizes.model(), sizes.resolution(), sizes.rows())) {
        verdicts.add(verdict(account));
      }
      Precision precision = precision(file);
      if (checkpoint.isEmpty()) {
        verdicts.add(
            Verdict.absent(
                "values",
                "the checkpoint that it was made from is not here; name it with --against"));
      } else {
        try (TensorSource parameters = checkpoint.get().source(LogitsCheck.PARAMETERS)) {
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
      ExportedModel sizes,
      Precision precision,
      TrainingCheckpoint checkpoint) {
    List<String> differences =
        ExportedBytes.differences(
            file, parameters, sizes.model(), precision, huggingFace, sizes.rows());
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
}
