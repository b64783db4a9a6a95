package dev.palimpsest.cli.commands;

import dev.palimpsest.cli.machine.DeviceOption;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.ImageConfig.Jpeg;
import dev.palimpsest.configs.data.ImageConfig.Resize;
import dev.palimpsest.configs.data.Orientation;
import dev.palimpsest.configs.evaluation.DecodeConfig;
import dev.palimpsest.eval.decoding.Answerer;
import dev.palimpsest.files.Escape;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.images.TurboJpeg;
import dev.palimpsest.mixtures.tasks.Example;
import dev.palimpsest.mixtures.tasks.TaskPrefix;
import dev.palimpsest.mixtures.text.TokenSequence;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.stages.lineage.StageFacts.TrainedOrientation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest predict}: a trained model's answer to a prompt about a picture. */
@Command(
    name = "predict",
    mixinStandardHelpOptions = true,
    description = {
      "Prints a model's answer to a prompt about one or more pictures.",
      "CHECKPOINT is an exported Hugging Face folder, a training checkpoint, or the folder of a"
          + " stage or a run."
    })
public final class PredictCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  @Parameters(index = "0", paramLabel = "CHECKPOINT", description = "The model's folder.")
  Path checkpoint;

  @Option(
      names = "--image",
      paramLabel = "FILE",
      description = "A picture file. Repeat the option for several pictures, in order.")
  List<Path> images = List.of();

  @Option(
      names = "--prompt",
      required = true,
      paramLabel = "TEXT",
      description =
          "The prompt, with the task's prefix: 'caption en', 'answer en ...', 'detect ...'; it is removed if the checkpoint was trained without.")
  String prompt;

  @Option(
      names = "--max-new-tokens",
      paramLabel = "N",
      defaultValue = "64",
      description = "The most tokens in the answer. Default: ${DEFAULT-VALUE}.")
  int maxNewTokens;

  @Option(
      names = "--resolution",
      paramLabel = "PIXELS",
      description = {
        "Side of the square input, in pixels; position embeddings are resampled to it.",
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

  @Option(
      names = "--orientation",
      paramLabel = "KIND",
      description = {
        "stored: pictures are used as they are stored; exif: they are rotated as their EXIF",
        "orientation says. Default: as the checkpoint was trained; stored for a Hugging Face"
            + " folder."
      })
  @Nullable TrainedOrientation orientation;

  @Option(
      names = "--jpeg",
      paramLabel = "KIND",
      description = {
        "How JPEG files are decoded: ${COMPLETION-CANDIDATES}.",
        "Default: as the checkpoint was trained; accurate for a Hugging Face folder."
      })
  @Nullable Jpeg jpeg;

  @Option(names = "--json", description = "Prints a JSON object with prompt and answer.")
  boolean json;

  @Mixin PrecisionOption precision;

  @Mixin DeviceOption device;

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
    try (Machine machine = device.open(null)) {
      SavedModel model = SavedModel.read(checkpoint, resolution, machine.manager());
      ImageConfig image = image(model.image());
      Example example = example(model);
      SavedModel rounded = model.in(precision.get(), machine.manager()); // may take a minute
      String answer = answer(example, rounded, image, machine);
      if (json) {
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("checkpoint", model.folder().toString());
        told.put("images", images.stream().map(Path::toString).toList());
        told.put("prompt", example.prefix());
        told.put("answer", answer);
        spec.commandLine().getOut().print(Json.indented(told));
      } else {
        spec.commandLine().getOut().println(answer);
      }
      return ExitCode.DONE.code();
    }
  }

  /** The prompt as the model knows it from training. */
  private Example example(SavedModel model) {
    Example asked =
        new Example("the prompt", images.stream().map(ImageReference::file).toList(), prompt, "")
            .with(orientation(model));
    Example example = model.taskPrefix() ? asked : TaskPrefix.removed(asked);
    if (!example.prefix().equals(prompt)) {
      spec.commandLine()
          .getErr()
          .println(
              "the checkpoint was trained without task prefixes: asked '%s'"
                  .formatted(Escape.line(example.prefix())));
    }
    return example;
  }

  /** Decoded greedily. */
  private String answer(Example example, SavedModel model, ImageConfig image, Machine machine) {
    int textTokens =
        TokenSequence.promptLength(model.tokenizer(), example.prefix()); // nothing is truncated
    List<String> answers = new ArrayList<>();
    try (Answerer answerer =
        new Answerer(
            Models.of(model.config(), precision.get(), machine.kernels()),
            Weights.of(model.parameters()),
            model.tokenizer(),
            image,
            model.resolution(),
            textTokens,
            1,
            machine.manager(),
            () -> {})) {
      answerer.answer(
          List.of(example),
          DecodeConfig.greedy(maxNewTokens),
          (answer, i) -> answers.add(answer.text()));
    }
    return answers.get(0);
  }

  /** How pictures are read and resized: as requested, otherwise as in training. */
  private ImageConfig image(ImageConfig trained) {
    ImageConfig resized = resize == null ? trained : trained.with(resize);
    ImageConfig image = jpeg == null ? resized : resized.with(jpeg);
    if (image.jpeg() == Jpeg.FAST && !TurboJpeg.isFound()) {
      throw new UserMistake(
          jpeg == null
              ? "the checkpoint was trained with " + TurboJpeg.ABSENT + " (here --jpeg accurate)"
              : "--jpeg: " + TurboJpeg.ABSENT);
    }
    return image;
  }

  private @Nullable Orientation orientation(SavedModel model) {
    TrainedOrientation chosen = orientation == null ? model.orientation() : orientation;
    if (chosen == TrainedOrientation.MIXED && !images.isEmpty()) {
      throw new UserMistake(
          "some of the checkpoint's tasks apply the EXIF orientation and some do not; give --orientation stored or --orientation exif");
    }
    return chosen == TrainedOrientation.EXIF ? Orientation.EXIF : null;
  }
}
