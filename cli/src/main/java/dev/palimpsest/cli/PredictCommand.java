package dev.palimpsest.cli;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.HuggingFaceConfig;
import dev.palimpsest.checkpoints.PretrainedImporter;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.configs.ImageConfig;
import dev.palimpsest.configs.ImageConfig.Resize;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.eval.Evaluator;
import dev.palimpsest.mixtures.BadExampleException;
import dev.palimpsest.mixtures.Example;
import dev.palimpsest.mixtures.ImageReference;
import dev.palimpsest.mixtures.Tokenizer;
import dev.palimpsest.mixtures.TokenizerFiles;
import dev.palimpsest.model.Kernels;
import dev.palimpsest.model.PaliGemma;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest predict}: what a trained model says of a picture. */
@Command(
    name = "predict",
    mixinStandardHelpOptions = true,
    description = {
      "Prints a model's answer to a prompt about one or several pictures.",
      "CHECKPOINT is an exported Hugging Face folder or a training checkpoint of a run."
    })
final class PredictCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Spec CommandSpec spec;

  @Parameters(index = "0", paramLabel = "CHECKPOINT", description = "The model's folder.")
  Path checkpoint;

  @Option(
      names = "--image",
      paramLabel = "FILE",
      description = "A picture, PNG or JPEG. Give it again for several, in order.")
  List<Path> images = List.of();

  @Option(
      names = "--prompt",
      required = true,
      paramLabel = "TEXT",
      description = "The prefix, as in training: 'caption en', 'answer en ...', 'detect ...'.")
  String prompt;

  @Option(
      names = "--max-new-tokens",
      paramLabel = "N",
      defaultValue = "64",
      description = "Where the answer ends at the latest. Default: ${DEFAULT-VALUE}.")
  int maxNewTokens;

  @Option(
      names = "--resolution",
      paramLabel = "PIXELS",
      description = {
        "Side of the square input; a folder's position embeddings are resampled to it.",
        "Default: the checkpoint's own."
      })
  @Nullable Integer resolution;

  @Option(
      names = "--resize",
      paramLabel = "KIND",
      description = {
        "How pictures are resized: ${COMPLETION-CANDIDATES}.",
        "Default: as the checkpoint was trained; bicubic for a Hugging Face folder."
      })
  @Nullable Resize resize;

  @Override
  public Integer call() throws IOException {
    if (maxNewTokens < 1) {
      throw new UserMistake("--max-new-tokens must be 1 or more, got " + maxNewTokens);
    }
    for (Path image : images) {
      if (!Files.isReadable(image)) {
        throw new UserMistake("--image " + image + " cannot be read");
      }
    }
    try (RunResources resources = new RunResources(NDManager.newBaseManager(), Kernels.load())) {
      Model model =
          Files.isRegularFile(checkpoint.resolve("config.json"))
              ? huggingFace(resources.manager())
              : training(resources.manager());
      ImageConfig image = resize == null ? model.image : new ImageConfig(resize, true);
      String answer =
          Evaluator.answer(
              new Example(
                  "the prompt", images.stream().map(ImageReference::file).toList(), prompt, ""),
              new PaliGemma(model.config, Precision.F32, resources.kernels()),
              model.parameters,
              model.resolution,
              image,
              model.tokenizer,
              maxNewTokens,
              resources.manager());
      spec.commandLine().getOut().println(answer);
      return CommandLine.ExitCode.OK;
    } catch (BadExampleException e) {
      throw new UserMistake(String.valueOf(e.getMessage()));
    }
  }

  private record Model(
      ModelConfig config,
      dev.palimpsest.model.Parameters parameters,
      int resolution,
      ImageConfig image,
      Tokenizer tokenizer) {}

  private Model huggingFace(NDManager manager) {
    HuggingFaceConfig config = HuggingFaceConfig.read(checkpoint);
    int side = resolution == null ? config.resolution() : resolution;
    Path sentencePiece = checkpoint.resolve(TokenizerFiles.SENTENCE_PIECE);
    Path tokenizer =
        Files.isRegularFile(sentencePiece)
            ? sentencePiece
            : checkpoint.resolve(TokenizerFiles.HUGGING_FACE);
    return new Model(
        config.model(),
        PretrainedImporter.read(
                manager,
                new Init.FromPretrained(null, null, checkpoint.toString(), Init.ConnectorInit.ZERO),
                config.model(),
                side,
                0)
            .parameters(),
        side,
        new ImageConfig(Resize.BICUBIC, true),
        Tokenizer.load(tokenizer));
  }

  private Model training(NDManager manager) throws IOException {
    if (!Files.isRegularFile(checkpoint.resolve("manifest.json"))) {
      throw new UserMistake(
          checkpoint
              + " is no model: expected a Hugging Face folder (config.json) or a training"
              + " checkpoint (manifest.json), such as RUN/STAGE/checkpoints/examples-...");
    }
    TrainingCheckpoint saved = CheckpointStore.open(checkpoint);
    int own = fact(saved, "resolution", Integer.class);
    if (resolution != null && resolution != own) {
      throw new UserMistake(
          "this training checkpoint computes at %d pixels, not %d; give the stage's export to have"
                  .formatted(own, resolution)
              + " its position embeddings resampled");
    }
    return new Model(
        fact(saved, "model", ModelConfig.class),
        saved.read(manager, "parameters"),
        own,
        fact(saved, "image", ImageConfig.class),
        Tokenizer.load(checkpoint.resolve(fact(saved, "tokenizer", String.class)).normalize()));
  }

  /** What a stage has written of itself beside its arrays. */
  private <T> T fact(TrainingCheckpoint saved, String key, Class<T> type) throws IOException {
    Map<String, Object> facts = saved.facts();
    JsonNode value = JSON.valueToTree(facts.get(key));
    if (value == null || value.isNull()) {
      throw new UserMistake(
          "%s is no checkpoint of a stage: its manifest says nothing of '%s'"
              .formatted(checkpoint, key));
    }
    return JSON.treeToValue(value, type);
  }
}
