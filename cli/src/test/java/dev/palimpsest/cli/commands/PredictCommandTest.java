package dev.palimpsest.cli.commands;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.cli.DrawnModel;
import dev.palimpsest.cli.Outcome;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.images.TurboJpeg;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PredictCommandTest {
  private Path folder;
  private DrawnModel drawn;
  private Path export;
  private Path training;
  private Path picture;

  /** One drawn model in both forms that the command reads. */
  @BeforeAll
  void drawModel(@TempDir Path temporary) throws IOException {
    folder = temporary;
    drawn = DrawnModel.write(folder);
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
  void theExportAndTheTrainingCheckpointOfOneModelGiveOneAnswer() throws IOException {
    Outcome one = predict(export, "--image", picture.toString(), "--prompt", "what is red");
    Outcome other = predict(training, "--image", picture.toString(), "--prompt", "what is red");
    assertEquals(0, one.exit(), one.err());
    assertEquals(one, other);
    assertFalse(one.out().isBlank());
    Outcome json =
        predict(export, "--image", picture.toString(), "--prompt", "what is red", "--json");
    JsonNode told = Json.STRICT.readTree(json.out());
    assertEquals(one.out().stripTrailing(), told.path("answer").asText().stripTrailing());
    assertEquals("what is red", told.path("prompt").asText());
  }

  @Test
  void aTokenizerThatCannotBeUsedIsOneSentence() throws IOException {
    Path copy = Files.createDirectories(folder.resolve("unusable"));
    for (Path file : files(export)) {
      Files.copy(file, copy.resolve(file.getFileName()));
    }
    Path model = copy.resolve("tokenizer.model");
    Path other = copy.resolve("tokenizer.json");
    byte[] whole = Files.readAllBytes(export.resolve("tokenizer.model"));
    Map<String, byte[]> unusable = new LinkedHashMap<>();
    unusable.put("empty", new byte[0]);
    unusable.put("cut off", Arrays.copyOf(whole, whole.length / 3));
    unusable.put("zeros", new byte[4096]);
    unusable.put("no protocol buffer", HexFormat.of().parseHex("ffd8ffe000104a464946"));
    unusable.put(
        "pointer",
        "version https://git-lfs.github.com/spec/v1\noid sha256:aaaa\nsize 4241003\n"
            .getBytes(UTF_8));
    for (String json :
        List.of(
            "{}",
            "[1, 2]",
            "{\"model\": null}",
            "{\"model\": {\"type\": \"BPE\"",
            "{\"model\": {\"type\": \"BPE\", \"vocab\": [], \"merges\": {}}}",
            "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": -1}, \"merges\": [1]}}",
            "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": \"b\"}, \"merges\": [\"a\"]}}",
            "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"[UNK]\": 0}}}",
            "{\"model\": {\"type\": \"Unigram\", \"vocab\": [[\"a\", 0.5]]}}",
            "{\"model\": {\"type\": \"BPE\", \"vocab\": {}}, \"added_tokens\": [{\"id\": 9e9}]}")) {
      unusable.put(json, json.getBytes(UTF_8));
    }
    for (Map.Entry<String, byte[]> one : unusable.entrySet()) {
      boolean json = one.getKey().startsWith("{") || one.getKey().startsWith("[");
      Files.deleteIfExists(json ? model : other);
      Files.write(json ? other : model, one.getValue());
      Outcome outcome = predict(copy, "--prompt", "what is red");
      assertEquals(2, outcome.exit(), one.getKey() + ": " + outcome);
      // A sentence, or the head "1 mistake:" and a sentence.
      String[] lines = outcome.err().split("\n");
      assertTrue(
          lines.length == 1 || (lines.length == 2 && lines[0].equals("1 mistake:")),
          one.getKey() + ": " + outcome);
      assertTrue(outcome.err().contains(copy.toString()), outcome.err());
    }
    Files.deleteIfExists(model);
    Files.deleteIfExists(other);
    Files.createDirectory(model); // a folder of that name, and no other file
    Outcome outcome = predict(copy, "--prompt", "what is red");
    assertEquals(2, outcome.exit(), outcome.toString());
    assertEquals(1, outcome.err().lines().count(), outcome.toString());
  }

  private static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    }
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
    // A checkpoint says how it was trained, and need not be told.
    assertEquals(
        seen, predict(drawn.training("exif"), "--image", stored, "--prompt", "what is red"));
    assertEquals(
        predict(export, "--image", stored, "--prompt", "what is red"),
        predict(drawn.training("stored"), "--image", stored, "--prompt", "what is red"));
    Outcome mixed = predict(drawn.training("mixed"), "--image", stored, "--prompt", "what is red");
    assertEquals(2, mixed.exit());
    assertTrue(
        mixed.err().contains("give --orientation stored or --orientation exif"), mixed.err());
    assertEquals(
        seen,
        predict(
            drawn.training("mixed"),
            "--image",
            stored,
            "--prompt",
            "what is red",
            "--orientation",
            "exif"));
  }

  @Test
  void theFastTransformIsFollowedOrRefusedByName() {
    Outcome outcome =
        predict(
            training, "--image", picture.toString(), "--prompt", "what is red", "--jpeg", "fast");
    if (TurboJpeg.isFound()) {
      assertEquals(0, outcome.exit(), outcome.err());
    } else {
      assertEquals(2, outcome.exit());
      assertTrue(outcome.err().contains("libturbojpeg"), outcome.err());
    }
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

  /**
   * A token added in Hugging Face, after {@code <image>}: its row was padding before. Given the row
   * of another token, it is read as that one.
   */
  @Test
  void aTokenAddedInHuggingFaceIsReadWithItsRow() throws IOException {
    Path changed = Files.createDirectories(folder.resolve("with-token"));
    try (var files = Files.list(export)) {
      for (Path file : files.toList()) {
        Files.copy(file, changed.resolve(file.getFileName().toString()));
      }
    }
    Tokenizer tokenizer = Tokenizer.load(export);
    int[] ids = tokenizer.encode("what is red");
    int red = ids[ids.length - 1]; // with the blank before it
    assertArrayEquals(Arrays.copyOf(ids, ids.length - 1), tokenizer.encode("what is"));
    int rows = tokenizer.vocabularySize();
    Path json = changed.resolve("tokenizer.json");
    String image = "{\"id\":" + rows + ",\"content\":\"<image>\"";
    String content = Files.readString(json);
    assertTrue(content.contains(image), content.substring(0, 300));
    Files.writeString(
        json,
        content.replace(
            image,
            "{\"id\":" + (rows + 1) + ",\"content\":\"<thing>\",\"normalized\":true}," + image));
    copyRow(changed.resolve("model.safetensors"), red, rows + 1);
    Outcome spelt = predict(export, "--image", picture.toString(), "--prompt", "what is red");
    Outcome added = predict(changed, "--image", picture.toString(), "--prompt", "what is<thing>");
    assertEquals(0, added.exit(), added.err());
    assertEquals(spelt, added);
  }

  private static void copyRow(Path file, int from, int to) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int header = (int) buffer.getLong(0);
    JsonNode table =
        new ObjectMapper()
            .readTree(new String(bytes, 8, header, StandardCharsets.UTF_8))
            .path("language_model.model.embed_tokens.weight");
    int start = 8 + header + table.path("data_offsets").path(0).asInt();
    int row = 4 * table.path("shape").path(1).asInt();
    System.arraycopy(bytes, start + from * row, bytes, start + to * row, row);
    Files.write(file, bytes);
  }

  @Test
  void anAdapterIsToBeMergedFirst() throws IOException {
    Path adapter = Files.createDirectories(folder.resolve("adapter"));
    Files.writeString(adapter.resolve("adapter_config.json"), "{}");
    Outcome outcome = predict(adapter, "--prompt", "caption");
    assertEquals(2, outcome.exit());
    assertTrue(outcome.err().contains("merge it into its base model"), outcome.err());
    assertEquals(1, outcome.err().strip().lines().count(), outcome.err());
  }

  @Test
  void pointersInAModelsFolderAreNamed() throws IOException {
    for (String name : List.of("config.json", "tokenizer.json", "model.safetensors")) {
      Path broken = Files.createDirectories(folder.resolve("pointer-" + name));
      try (var files = Files.list(export)) {
        for (Path file : files.toList()) {
          Files.copy(file, broken.resolve(file.getFileName().toString()));
        }
      }
      Files.writeString(
          broken.resolve(name),
          "version https://git-lfs.github.com/spec/v1\noid sha256:aaaa\nsize 4241003\n");
      Outcome outcome = predict(broken, "--prompt", "caption");
      assertEquals(2, outcome.exit(), name);
      assertTrue(outcome.err().contains(name + ": is a Git LFS pointer"), outcome.err());
      assertEquals(1, outcome.err().strip().lines().count(), outcome.err());
    }
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
