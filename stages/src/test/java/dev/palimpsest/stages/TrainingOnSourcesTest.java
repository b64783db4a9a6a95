package dev.palimpsest.stages;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.mixtures.BadExampleException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
    assertArrayEquals(
        Files.readAllBytes(whole.checkpoint().resolve("parameters.safetensors")),
        Files.readAllBytes(resumed.checkpoint().resolve("parameters.safetensors")));
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
