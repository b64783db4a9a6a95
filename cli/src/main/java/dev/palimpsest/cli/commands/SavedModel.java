package dev.palimpsest.cli.commands;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.published.HuggingFaceConfig;
import dev.palimpsest.checkpoints.published.PretrainedImporter;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.ImageConfig.Resize;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.mixtures.text.TokenizerFiles;
import dev.palimpsest.model.ParameterSpecs;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.stages.RunContents;
import dev.palimpsest.stages.lineage.Lineage;
import dev.palimpsest.stages.lineage.StageFacts;
import dev.palimpsest.stages.lineage.StageFacts.TrainedOrientation;
import dev.palimpsest.stages.lineage.StageIdentity;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A model in a folder.
 *
 * @param folder the folder of its arrays
 * @param resolution side of the square input, in pixels
 * @param image the preprocessing that it was trained with; Hugging Face's processor for an export
 * @param orientation the orientation in which it was trained to see pictures
 * @param textTokens text positions that it was trained with; 512 for an export, which does not say
 * @param taskPrefix whether its prompts named their tasks in training
 * @param tokenizerFile its tokenizer's file
 * @param fingerprint SHA-256 over parameters and tokenizer, and whether matrices are rounded
 */
record SavedModel(
    Path folder,
    ModelConfig config,
    Parameters parameters,
    int resolution,
    ImageConfig image,
    TrainedOrientation orientation,
    int textTokens,
    boolean taskPrefix,
    Tokenizer tokenizer,
    Path tokenizerFile,
    String fingerprint) {
  /**
   * Reads a model.
   *
   * @param path an exported Hugging Face folder, a training checkpoint, the folder of a stage (its
   *     last checkpoint) or of a run (that of its last stage)
   * @param resolution to compute at; absent: the model's own
   * @param manager the parameters, in float32, live in a child of it
   * @throws UserMistake when the folder does not contain a model, or none for that resolution
   */
  static SavedModel read(Path path, @Nullable Integer resolution, NDManager manager)
      throws IOException {
    return Files.isRegularFile(path.resolve("config.json"))
        ? huggingFace(path, resolution, manager)
        : training(checkpoint(path), resolution, manager);
  }

  /**
   * The same model with matrices in a number format; its parameters take the place of these. In
   * bfloat16 they are read from disk and converted here.
   */
  SavedModel in(Precision precision, NDManager manager) {
    if (precision == Precision.F32) {
      return this;
    }
    return new SavedModel(
        folder,
        config,
        parameters.rounded(manager, ParameterSpecs.products(config, resolution)),
        resolution,
        image,
        orientation,
        textTokens,
        taskPrefix,
        tokenizer,
        tokenizerFile,
        fingerprint + " in bf16");
  }

  /**
   * Checks that there is a model, without reading it.
   *
   * @throws UserMistake when there is none
   */
  static void requireModel(Path path) {
    if (!Files.isRegularFile(path.resolve("config.json"))) {
      checkpoint(path);
    }
  }

  private static Path checkpoint(Path path) {
    if (Files.isRegularFile(path.resolve("adapter_config.json"))) {
      TensorSource.open(path).close(); // refuses it and says what to do
    }
    return RunContents.checkpoint(path)
        .orElseThrow(
            () ->
                new UserMistake(
                    path
                        + " is not a model: expected a Hugging Face folder (config.json), a training"
                        + " checkpoint (manifest.json), or the folder of a stage or of a run with"
                        + " one"));
  }

  private static SavedModel huggingFace(
      Path folder, @Nullable Integer resolution, NDManager manager) throws IOException {
    HuggingFaceConfig config = HuggingFaceConfig.read(folder);
    int side = resolution == null ? config.resolution() : resolution;
    Path tokenizerFile = TokenizerFiles.inFolder(folder);
    if (!Files.exists(tokenizerFile)) {
      throw new UserMistake(
          folder + " has no tokenizer: there is neither tokenizer.json nor tokenizer.model");
    }
    Tokenizer tokenizer = Tokenizer.load(folder);
    Parameters parameters =
        PretrainedImporter.read(
                manager,
                new Init.FromPretrained(null, null, folder.toString(), Init.ConnectorInit.ZERO),
                config.model(),
                side,
                0)
            .parameters();
    MessageDigest digest = ContentHash.sha256();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".safetensors")).sorted().toList()) {
        add(digest, file);
      }
    }
    add(digest, tokenizerFile);
    return new SavedModel(
        folder,
        config.model(),
        parameters,
        side,
        new ImageConfig(Resize.BICUBIC, true),
        TrainedOrientation.STORED,
        512,
        Lineage.ofExport(folder)
            .map(export -> StageIdentity.taskPrefix(export.checkpoint().identity()))
            .orElse(true),
        tokenizer,
        tokenizerFile,
        HexFormat.of().formatHex(digest.digest()));
  }

  private static SavedModel training(Path folder, @Nullable Integer resolution, NDManager manager)
      throws IOException {
    TrainingCheckpoint saved = CheckpointStore.open(folder);
    StageFacts facts = StageFacts.of(saved);
    int own = facts.resolution();
    if (resolution != null && resolution != own) {
      throw new UserMistake(
          "this training checkpoint computes at %d pixels, not %d; use the stage's export to have"
                  .formatted(own, resolution)
              + " its position embeddings resampled");
    }
    Path tokenizer = folder.resolve(facts.tokenizer()).normalize();
    MessageDigest digest = ContentHash.sha256();
    saved.manifest().files().stream()
        .filter(file -> file.name().startsWith("parameters"))
        .forEach(file -> digest.update(file.sha256().getBytes(StandardCharsets.UTF_8)));
    add(digest, tokenizer);
    return new SavedModel(
        folder,
        facts.model(),
        saved.read(manager, "parameters"),
        own,
        facts.image(),
        facts.orientation(),
        facts.textTokens(),
        StageIdentity.taskPrefix(facts.identity()),
        Tokenizer.load(tokenizer),
        tokenizer,
        HexFormat.of().formatHex(digest.digest()));
  }

  private static void add(MessageDigest digest, Path file) throws IOException {
    byte[] buffer = new byte[1 << 20];
    try (InputStream in = Files.newInputStream(file)) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
      }
    }
  }
}
