package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.ModelExporter;
import dev.palimpsest.configs.ImageConfig;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.mixtures.BpeTrainer;
import dev.palimpsest.mixtures.Piece;
import dev.palimpsest.mixtures.TokenizerFiles;
import dev.palimpsest.model.Initialization;
import dev.palimpsest.model.Parameters;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PredictCommandTest {
  private static final int SIDE = 8;

  private Path folder;
  private Path export;
  private Path training;
  private Path picture;

  /** One drawn model in both forms that the command reads. */
  @BeforeAll
  void drawModel(@TempDir Path temporary) throws IOException {
    folder = temporary;
    List<Piece> pieces = BpeTrainer.train(List.of("caption a red circle", "what is red"), 300);
    TokenizerFiles.write(folder.resolve("tokenizer"), pieces);
    Path tokenizer = folder.resolve("tokenizer").resolve(TokenizerFiles.SENTENCE_PIECE);
    ModelConfig config =
        new ModelConfig(
            new VisionConfig(16, 1, 32, 2, 4, 1e-6),
            new LanguageConfig(pieces.size(), 24, 1, 48, 2, 1, 8, 8, 0, 0, false, 0, 10_000, 1e-6));
    export = folder.resolve("export");
    try (NDManager manager = NDManager.newBaseManager();
        Parameters parameters = Initialization.random(manager, config, SIDE, 3)) {
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
      ModelExporter.huggingFace(export, parameters, config, SIDE, Precision.F32, tokenizer);
      training =
          new CheckpointStore(folder.resolve("checkpoints"))
              .commit(
                  "examples-000000000001",
                  Map.of("parameters", parameters),
                  Map.of(
                      "model",
                      config,
                      "resolution",
                      SIDE,
                      "image",
                      new ImageConfig(ImageConfig.Resize.BICUBIC, true),
                      "tokenizer",
                      tokenizer.toString()));
    }
    picture = folder.resolve("picture.png");
    BufferedImage image = new BufferedImage(20, 30, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < 30; y++) {
      for (int x = 0; x < 20; x++) {
        image.setRGB(x, y, ((x * 12) << 16) | (y * 8));
      }
    }
    ImageIO.write(image, "png", picture.toFile());
  }

  @Test
  void theExportAndTheTrainingCheckpointOfOneModelGiveOneAnswer() {
    Outcome one = predict(export, "--image", picture.toString(), "--prompt", "what is red");
    Outcome other = predict(training, "--image", picture.toString(), "--prompt", "what is red");
    assertEquals(0, one.exit(), one.err());
    assertEquals(one, other);
    assertFalse(one.out().isBlank());
  }

  @Test
  void thePictureMatters() {
    Outcome one = predict(export, "--image", picture.toString(), "--prompt", "caption");
    Outcome none = predict(export, "--prompt", "caption");
    assertEquals(0, none.exit(), none.err());
    assertFalse(one.out().equals(none.out()), "one picture and none give the same answer");
  }

  @Test
  void anAnswerEndsAtTheLimit() {
    String longer = predict(export, "--prompt", "caption", "--max-new-tokens", "5").out().strip();
    String shorter = predict(export, "--prompt", "caption", "--max-new-tokens", "2").out().strip();
    assertTrue(longer.startsWith(shorter) && longer.length() > shorter.length(), longer);
  }

  @Test
  void anotherResolutionResamplesAnExport() {
    Outcome outcome =
        predict(export, "--image", picture.toString(), "--prompt", "caption", "--resolution", "16");
    assertEquals(0, outcome.exit(), outcome.err());
  }

  @Test
  void whatIsNoModelIsSaidWithWhatWouldBe() {
    Outcome outcome = predict(folder, "--prompt", "caption");
    assertEquals(2, outcome.exit());
    assertTrue(outcome.err().contains("expected a Hugging Face folder"), outcome.err());
  }

  @Test
  void aMissingPictureIsNamed() {
    Outcome outcome = predict(export, "--prompt", "caption", "--image", "missing.png");
    assertEquals(2, outcome.exit());
    assertTrue(outcome.err().contains("missing.png"), outcome.err());
  }

  private record Outcome(int exit, String out, String err) {}

  private static Outcome predict(Path model, String... options) {
    List<String> args = new ArrayList<>(List.of("predict", model.toString()));
    args.addAll(List.of(options));
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int exit =
        Main.commandLine()
            .setOut(new PrintWriter(out))
            .setErr(new PrintWriter(err))
            .execute(args.toArray(String[]::new));
    return new Outcome(exit, out.toString(), err.toString());
  }
}
