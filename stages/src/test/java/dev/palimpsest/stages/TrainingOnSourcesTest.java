package dev.palimpsest.stages;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.mixtures.formats.BadExampleException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A few steps on files that other programs wrote; see the README beside them. */
class TrainingOnSourcesTest {
  private static final Path SOURCES = Path.of("../mixtures/src/test/resources/golden/sources");

  private static final TinyRun TINY =
      TinyRun.of(
              """
          tasks:
            parquet: {source: {parquet: {path: '${sources}/table-*.parquet', cache: '${run}/cache'}}}
            arrow: {source: {arrow: '${sources}/table-stream.arrow'}}
            tar: {source: {tar: '${sources}/shard-gnu.tar'}}
            cocoCaptions:
              source: {cocoCaptions: {path: '${sources}/coco/captions.json', images: '${sources}/coco/images'}}
              type: {caption: {}}
            cocoInstances:
              source: {cocoInstances: {path: '${sources}/coco/instances.json', images: '${sources}/coco/images'}}
              type: {detect: {}}
            vqa:
              source:
                vqa:
                  questions: '${sources}/coco/questions.json'
                  annotations: '${sources}/coco/annotations.json'
                  images: '${sources}/coco/images'
              type: {answer: {}}
            openImages:
              source:
                openImages:
                  boxes: '${sources}/coco/boxes.csv'
                  labels: '${sources}/coco/labels.csv'
                  classes: '${sources}/coco/classes.csv'
                  images: '${sources}/coco/images'
              type: {detect: {}}
            damaged: {source: {jsonl: '${run}/../damaged.jsonl'}, badShare: 0.01}
          """,
              """
            - name: stage1
              init: {stage: stage0}
              examples: 12
              resolution: 16
              textTokens: 48
              batchSize: 4
              mixture: {parquet: 1}
              optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
              checkpoint: {everyExamples: 4}
              export: {formats: []}
          """)
          .with("sources", SOURCES);

  @TempDir Path folder;

  @BeforeEach
  void aDamagedSource() throws IOException {
    byte[] picture = Files.readAllBytes(SOURCES.resolve("coco/images/000000000001.jpg"));
    Files.write(folder.resolve("good.jpg"), picture);
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 12; i++) {
      lines.append(
          "{\"image\": \"%s\", \"prefix\": \"n\", \"suffix\": \"%d\"}\n"
              .formatted(i < 2 ? "missing.jpg" : "good.jpg", i));
    }
    Files.writeString(folder.resolve("damaged.jsonl"), lines);
  }

  private StageResult train(String name, String... sets) {
    return TINY.run(folder.resolve(name), sets).get(1);
  }

  @Test
  void trainsOnEveryKind() throws IOException {
    List<String> tasks =
        List.of("parquet", "arrow", "tar", "cocoCaptions", "cocoInstances", "vqa", "openImages");
    StageResult result =
        train(
            "run",
            "stages.stage1.examples=80",
            "stages.stage1.batchSize=16",
            "stages.stage1.checkpoint.everyExamples=0",
            "stages.stage1.mixture={%s: 1}".formatted(String.join(": 1, ", tasks)));
    List<String> metrics = Files.readAllLines(folder.resolve("run/stage1/metrics.jsonl"));
    assertEquals(5, metrics.size());
    assertTrue(metrics.get(4).contains("\"skipped\":0"), metrics.get(4));
    String consumed = Files.readString(folder.resolve("run/stage1/examples.jsonl"));
    tasks.forEach(task -> assertTrue(consumed.contains("\"" + task + "/"), task));
    assertTrue(Files.isDirectory(result.checkpoint()));
  }

  @Test
  void whatIsSkippedIsToldAndTheSameAfterACrash() throws IOException {
    String set = "stages.stage1.mixture={damaged: 1}";
    StageResult whole = train("a", set);
    assertTrue(
        whole.notes().contains("skipped 2 bad examples of damaged, listed in skipped.jsonl"),
        whole.notes().toString());
    String skipped = Files.readString(folder.resolve("a/stage1/skipped.jsonl"));
    assertTrue(skipped.contains("missing.jpg does not exist"), skipped);
    TINY.crash(folder.resolve("b"), 2, set);
    StageResult resumed = train("b", set);
    assertEquals(skipped, Files.readString(folder.resolve("b/stage1/skipped.jsonl")));
    assertArrayEquals(parameters(whole), parameters(resumed));
  }

  /** Pillow wrote the file, and the levels that it sees; crops are of the turned picture. */
  @Test
  void turnedPicturesAreTrainedOnAsTheyAreSeen() throws IOException {
    ObjectMapper json = new ObjectMapper();
    for (String line : Files.readAllLines(SOURCES.resolve("../orientation/pictures.jsonl"))) {
      JsonNode picture = json.readTree(line);
      if (picture.get("format").asText().equals("jpeg")
          && picture.get("orientation").asInt() == 6) {
        Files.write(folder.resolve("turned.jpg"), picture.get("file").binaryValue());
        int width = picture.get("width").asInt();
        byte[] rgb = picture.get("rgb").binaryValue();
        BufferedImage seen =
            new BufferedImage(width, picture.get("height").asInt(), BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < rgb.length / 3; i++) {
          int level =
              (rgb[3 * i] & 255) << 16 | (rgb[3 * i + 1] & 255) << 8 | (rgb[3 * i + 2] & 255);
          seen.setRGB(i % width, i / width, level);
        }
        ImageIO.write(seen, "png", folder.resolve("upright.png").toFile());
      }
    }
    for (String name : List.of("turned.jpg", "upright.png")) {
      Files.writeString(
          folder.resolve(name.replaceFirst("\\..*", ".jsonl")),
          "{\"image\": \"%s\", \"prefix\": \"n\", \"suffix\": \"1\"}\n".formatted(name));
    }
    String crop = "stages.stage1.image.augment={cropArea: 0.3}";
    String mixture = "stages.stage1.mixture={photo: 1}";
    String photo = "tasks.photo={source: {jsonl: '${run}/../%s.jsonl'}%s}";
    StageResult upright = train("a", mixture, crop, photo.formatted("upright", ""));
    StageResult turned =
        train("b", mixture, crop, photo.formatted("turned", ", orientation: exif"));
    StageResult stored = train("c", mixture, crop, photo.formatted("turned", ""));
    assertArrayEquals(parameters(upright), parameters(turned));
    assertFalse(Arrays.equals(parameters(upright), parameters(stored)));
    assertNotEquals(stored.fingerprint(), turned.fingerprint());
  }

  private static byte[] parameters(StageResult result) throws IOException {
    return Files.readAllBytes(result.checkpoint().resolve("parameters.safetensors"));
  }

  @Test
  void moreThanTheShareEndsTheRun() {
    BadExampleException e =
        assertThrows(
            BadExampleException.class,
            () ->
                train(
                    "run", "stages.stage1.mixture={damaged: 1}", "tasks.damaged.badShare=0.0001"));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.contains("damaged: 2 of the"), message);
    assertTrue(message.contains("missing.jpg"), message);
  }
}
