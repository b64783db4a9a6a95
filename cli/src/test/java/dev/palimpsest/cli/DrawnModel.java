package dev.palimpsest.cli;

import static dev.palimpsest.stages.lineage.StageFacts.TrainedOrientation.STORED;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.published.ExportedProcessor;
import dev.palimpsest.checkpoints.published.ModelExporter;
import dev.palimpsest.checkpoints.published.ParameterValues;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.mixtures.text.BpeTrainer;
import dev.palimpsest.mixtures.text.HuggingFaceTokenizer;
import dev.palimpsest.mixtures.text.Piece;
import dev.palimpsest.mixtures.text.TokenizerFiles;
import dev.palimpsest.model.Initialization;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.stages.lineage.StageFacts;
import dev.palimpsest.stages.lineage.StageFacts.TrainedOrientation;
import dev.palimpsest.stages.lineage.TrainingData;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A drawn model that knows nothing but has an opinion, in the forms that commands read.
 *
 * @param export a Hugging Face folder
 * @param training a training checkpoint, in a folder {@code checkpoints}
 */
public record DrawnModel(Path export, Path training) {
  private static final int SIDE = 8;

  public static DrawnModel write(Path folder) {
    return write(folder, 3);
  }

  /** Another one for each seed, with the same tokenizer. */
  public static DrawnModel write(Path folder, long seed) {
    List<Piece> pieces = BpeTrainer.train(List.of("caption a red circle", "what is red"), 300);
    TokenizerFiles.write(folder.resolve("tokenizer"), pieces);
    Path tokenizer = folder.resolve("tokenizer").resolve(TokenizerFiles.SENTENCE_PIECE);
    ModelConfig config =
        new ModelConfig(
            new VisionConfig(16, 1, 32, 2, 4, 1e-6),
            new LanguageConfig(pieces.size(), 24, 1, 48, 2, 1, 8, 8, 0, 0, false, 0, 10_000, 1e-6));
    Path export = folder.resolve("export");
    HuggingFaceTokenizer exported = HuggingFaceTokenizer.of(tokenizer);
    ExportedProcessor processor =
        new ExportedProcessor(ImageConfig.Resize.BICUBIC, exported.imageToken(), exported.files());
    try (NDManager manager = NDManager.newBaseManager();
        Parameters parameters = Initialization.random(manager, config, SIDE, seed)) {
      // As drawn, a decoder's tied table makes it repeat the last token; louder blocks let it
      // listen.
      parameters
          .asMap()
          .forEach(
              (name, array) -> {
                if (name.matches("language/.*/(out|down)/w|connector/kernel")) {
                  array.muli(6);
                }
              });
      ModelExporter.huggingFace(
          export,
          ParameterValues.of(parameters),
          config,
          SIDE,
          Precision.F32,
          processor,
          ModelExporter.Beside.NOTHING);
      Path training =
          commit(folder.resolve("checkpoints"), parameters, facts(config, tokenizer, STORED));
      for (TrainedOrientation orientation : TrainedOrientation.values()) {
        commit(
            folder.resolve("checkpoints-" + ConfigYaml.word(orientation)),
            parameters,
            facts(config, tokenizer, orientation));
      }
      return new DrawnModel(export, training);
    }
  }

  private static StageFacts facts(
      ModelConfig config, Path tokenizer, TrainedOrientation orientation) {
    return new StageFacts(
        "drawn",
        "stages: []",
        "drawn",
        "0123456789abcdef",
        Map.of(),
        new TrainingData(Map.of()),
        new StageFacts.Ancestry(List.of(), List.of(), List.of(), List.of()),
        Map.of(),
        config,
        SIDE,
        512,
        new ImageConfig(ImageConfig.Resize.BICUBIC, true),
        orientation,
        tokenizer.toString(),
        1,
        "drawn");
  }

  private static Path commit(Path folder, Parameters parameters, StageFacts facts) {
    return new CheckpointStore(folder)
        .commit("examples-000000000001", Map.of("parameters", parameters), facts.toMap());
  }

  /** A checkpoint of a stage that saw pictures {@code stored}, {@code exif} or {@code mixed}. */
  public Path training(String orientation) {
    return training
        .resolveSibling("../checkpoints-" + orientation)
        .resolve(training.getFileName())
        .normalize();
  }
}
