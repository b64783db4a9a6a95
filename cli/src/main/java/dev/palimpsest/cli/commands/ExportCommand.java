package dev.palimpsest.cli.commands;

import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.ExportConfig.Format;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.stages.RunContents;
import dev.palimpsest.stages.exports.CheckpointExport;
import dev.palimpsest.stages.lineage.Lineage;
import dev.palimpsest.stages.lineage.StageFacts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest export}: a training checkpoint in a published layout. */
@Command(
    name = "export",
    mixinStandardHelpOptions = true,
    description = {
      "Writes a training checkpoint as a Hugging Face folder or as a big_vision npz file.",
      "CHECKPOINT is a training checkpoint, or the folder of a stage or run.",
      "The export is either complete or absent, and 'verify-export' checks it."
    })
public final class ExportCommand implements Callable<Integer> {
  /** Space needed beside the weights: tokenizer, configs, the file system's own data. */
  private static final long SPARE_BYTES = 64L << 20;

  @Spec CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "CHECKPOINT",
      description = "A training checkpoint, or the folder of a stage or run.")
  Path checkpoint;

  /** Layouts by their names on the command line. */
  enum Layout {
    HF(Format.HUGGINGFACE, ""),
    NPZ(Format.BIG_VISION, ".npz");

    private final Format format;
    private final String ending;

    Layout(Format format, String ending) {
      this.format = format;
      this.ending = ending;
    }

    String word() {
      return ConfigYaml.word(this);
    }
  }

  @Option(
      names = "--to",
      required = true,
      paramLabel = "hf|npz",
      description = {
        "hf: a Hugging Face folder, which transformers loads.",
        "npz: a big_vision file, which openpi loads too."
      })
  Layout layout;

  @Option(
      names = "--precision",
      paramLabel = "f32|bf16",
      defaultValue = "f32",
      description = "Number format of the weights. An npz file holds f32. Default: f32.")
  Precision precision;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = {
        "Where to write: the Hugging Face folder, or the folder for model.npz.",
        "An earlier export there is replaced. Default: the stage's folder 'export'."
      })
  @Nullable Path out;

  @Override
  public Integer call() throws IOException {
    if (layout == Layout.NPZ && precision == Precision.BF16) {
      throw new UserMistake(
          "--to npz --precision bf16: numpy has no bfloat16, and most loaders cannot read its substitute; use --precision f32, or --to hf");
    }
    TrainingCheckpoint source = CheckpointStore.peek(source());
    StageFacts facts = StageFacts.of(source);
    Path tokenizer = source.folder().resolve(facts.tokenizer()).normalize();
    if (layout == Layout.HF && !Files.isRegularFile(tokenizer)) {
      throw new UserMistake(
          "the checkpoint's tokenizer, %s, is missing; restore it, or use --to npz, which needs none"
              .formatted(tokenizer));
    }
    Path target = target(source.folder()).toAbsolutePath().normalize();
    requireReplaceable(target);
    CheckpointExport export = new CheckpointExport(source, tokenizer, layout.format, precision);
    requireSpace(target, export.bytes());
    spec.commandLine()
        .getErr()
        .printf(
            "exporting %s/%s at %d examples, %.1f GB%n",
            facts.recipe(), facts.stage(), facts.examples(), export.bytes() / 1e9);
    spec.commandLine().getErr().flush();
    export.write(target, true);
    spec.commandLine().getOut().println(target);
    return ExitCode.DONE.code();
  }

  private Path source() {
    if (Files.isRegularFile(checkpoint.resolve("config.json"))) {
      throw new UserMistake(
          checkpoint
              + " is already a Hugging Face folder; give the training checkpoint that it was exported from");
    }
    return RunContents.checkpoint(checkpoint)
        .orElseThrow(
            () ->
                new UserMistake(
                    checkpoint
                        + " has no checkpoint: expected a training checkpoint (manifest.json), or the folder of a stage or of a run with one"));
  }

  /** {@code RUN/STAGE/checkpoints/NAME} goes to {@code RUN/STAGE/export/NAME-hf-f32}. */
  private Path target(Path source) {
    if (out != null) {
      return layout == Layout.HF || out.toString().endsWith(layout.ending)
          ? out
          : out.resolve("model" + layout.ending);
    }
    Path absolute = source.toAbsolutePath().normalize();
    String name =
        "%s-%s-%s%s"
            .formatted(
                absolute.getFileName(), layout.word(), ConfigYaml.word(precision), layout.ending);
    Path parent = absolute.getParent();
    return parent != null && parent.endsWith("checkpoints")
        ? parent.resolveSibling("export").resolve(name)
        : absolute.resolveSibling(name);
  }

  /** Only earlier exports are replaced. */
  private static void requireReplaceable(Path target) {
    if (Files.exists(target) && Lineage.ofExport(target).isEmpty()) {
      throw new UserMistake(
          target
              + " exists and is not an earlier export; give --out a path that does not exist yet");
    }
  }

  private static void requireSpace(Path target, long bytes) throws IOException {
    Path existing = target;
    while (!Files.exists(existing)) {
      Path parent = existing.getParent();
      if (parent == null) {
        return;
      }
      existing = parent;
    }
    long free = Files.getFileStore(existing).getUsableSpace();
    if (free < bytes + SPARE_BYTES) {
      throw new UserMistake(
          "the export needs %.1f GB and the disk of %s has %.1f GB free; free some space, or give another --out"
              .formatted(bytes / 1e9, existing, free / 1e9));
    }
  }
}
