package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PredictCommandTest {
  private Path folder;
  private Path export;
  private Path training;
  private Path picture;

  /** One drawn model in both forms that the command reads. */
  @BeforeAll
  void drawModel(@TempDir Path temporary) throws IOException {
    folder = temporary;
    DrawnModel drawn = DrawnModel.write(folder);
    export = drawn.export();
    training = drawn.training();
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

  /** The picture upside down, in a PNG file whose {@code eXIf} chunk has an orientation of 3. */
  @Test
  void aPictureIsTurnedWhereThatIsWanted() throws IOException {
    BufferedImage upright = ImageIO.read(picture.toFile());
    BufferedImage turned = new BufferedImage(20, 30, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < 30; y++) {
      for (int x = 0; x < 20; x++) {
        turned.setRGB(x, y, upright.getRGB(19 - x, 29 - y));
      }
    }
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    ImageIO.write(turned, "png", png);
    byte[] exif =
        HexFormat.of() // length, type, data, checksum
            .parseHex(
                "0000001a65584966"
                    + "49492a0008000000010012010300010000000300000000000000ffa81f4d");
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    file.write(png.toByteArray(), 0, 33); // the signature and the first chunk
    file.writeBytes(exif);
    file.write(png.toByteArray(), 33, png.size() - 33);
    String stored = Files.write(folder.resolve("turned.png"), file.toByteArray()).toString();
    Outcome seen =
        predict(export, "--image", stored, "--prompt", "what is red", "--orientation", "exif");
    assertEquals(0, seen.exit(), seen.err());
    assertEquals(predict(export, "--image", picture.toString(), "--prompt", "what is red"), seen);
    assertNotEquals(predict(export, "--image", stored, "--prompt", "what is red"), seen);
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
    Outcome outcome = predict(folder.resolve("tokenizer"), "--prompt", "caption");
    assertEquals(2, outcome.exit());
    assertTrue(outcome.err().contains("expected a Hugging Face folder"), outcome.err());
  }

  @Test
  void aMissingPictureIsNamed() {
    Outcome outcome = predict(export, "--prompt", "caption", "--image", "missing.png");
    assertEquals(2, outcome.exit());
    assertTrue(outcome.err().contains("missing.png"), outcome.err());
  }

  private static Outcome predict(Path model, String... options) {
    List<String> args = new ArrayList<>(List.of("predict", model.toString()));
    args.addAll(List.of(options));
    return Outcome.of(args.toArray(String[]::new));
  }
}
