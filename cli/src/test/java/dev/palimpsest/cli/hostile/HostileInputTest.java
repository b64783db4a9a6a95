package dev.palimpsest.cli.hostile;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.published.ExportedProcessor;
import dev.palimpsest.checkpoints.published.HuggingFaceConfig;
import dev.palimpsest.checkpoints.published.ModelExporter;
import dev.palimpsest.checkpoints.published.ParameterValues;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.NpzFile;
import dev.palimpsest.checkpoints.tensors.SafetensorsFile;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.mixtures.codecs.SegmentationTokens;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.images.Image;
import dev.palimpsest.mixtures.images.ImageDecoder;
import dev.palimpsest.mixtures.sources.ExampleSource;
import dev.palimpsest.mixtures.tasks.Task;
import dev.palimpsest.mixtures.text.BpeTrainer;
import dev.palimpsest.mixtures.text.HuggingFaceTokenizer;
import dev.palimpsest.mixtures.text.Piece;
import dev.palimpsest.mixtures.text.TextBudget;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.mixtures.text.TokenizerFiles;
import dev.palimpsest.model.Initialization;
import dev.palimpsest.model.blocks.Parameters;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Thousands of damaged files of every kind that is read: each is either read or refused with a
 * message, quickly and within memory that its size explains. More cases with {@code
 * -Dpalimpsest.hostile.cases=100000}.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class HostileInputTest {
  private static final int CASES = Integer.getInteger("palimpsest.hostile.cases", 150);
  private static final Duration LIMIT = Duration.ofSeconds(10); // a hang, on any machine
  private static final int SIDE = 8;

  private Path folder;
  private Path export;
  private Path training;

  @BeforeAll
  void writeOneOfEach(@TempDir Path temporary) throws IOException {
    folder = temporary;
    List<Piece> pieces = BpeTrainer.train(List.of("caption a red circle", "what is red"), 300);
    TokenizerFiles.write(folder.resolve("tokenizer"), pieces);
    Path tokenizer = folder.resolve("tokenizer").resolve(TokenizerFiles.SENTENCE_PIECE);
    ModelConfig config =
        new ModelConfig(
            new VisionConfig(8, 1, 16, 2, 4, 1e-6),
            new LanguageConfig(pieces.size(), 8, 1, 16, 2, 1, 4, 4, 0, 0, false, 0, 10_000, 1e-6));
    export = folder.resolve("export");
    HuggingFaceTokenizer exported = HuggingFaceTokenizer.of(tokenizer);
    ExportedProcessor processor =
        new ExportedProcessor(ImageConfig.Resize.BICUBIC, exported.imageToken(), exported.files());
    try (NDManager manager = NDManager.newBaseManager();
        Parameters parameters = Initialization.random(manager, config, SIDE, 3)) {
      ParameterValues values = ParameterValues.of(parameters);
      ModelExporter.huggingFace(
          export,
          values,
          config,
          SIDE,
          Precision.F32,
          processor,
          ModelExporter.Beside.NOTHING,
          8_000);
      ModelExporter.bigVision(folder.resolve("model.npz"), values, config, SIDE, Precision.BF16);
      training =
          new CheckpointStore(folder.resolve("checkpoints"))
              .commit("examples-1", Map.of("parameters", parameters), Map.of("model", config));
    }
  }

  /** What a damaged file is tried on. */
  private interface Attempt {
    void on(Path file) throws IOException;
  }

  /** Tries {@link #CASES} mutations of a file; only the refusals named may come out. */
  private void survives(
      byte[] original, String name, Set<Class<? extends Exception>> refusals, Attempt attempt)
      throws IOException {
    Path damaged = Files.createDirectories(folder.resolve("damaged")).resolve(name);
    Files.write(damaged, original);
    attempt.on(damaged); // the undamaged file passes
    int refused = 0;
    for (long seed = 0; seed < CASES; seed++) {
      Files.write(damaged, Mutation.of(original, seed));
      String which = "%s, mutation %d".formatted(name, seed);
      long start = System.nanoTime();
      try {
        attempt.on(damaged);
      } catch (AssertionError e) {
        throw new AssertionError(which + ": " + e.getMessage(), e);
      } catch (Throwable e) {
        if (refusals.stream().noneMatch(kind -> kind.isInstance(e))) {
          fail(which + " ended in " + e, e);
        }
        assertTrue(e.getMessage() != null && !e.getMessage().isBlank(), which + " has no message");
        refused++;
      }
      Duration took = Duration.ofNanos(System.nanoTime() - start);
      assertTrue(took.compareTo(LIMIT) < 0, which + " took " + took);
    }
    assertNotEquals(0, refused, name + ": not one of the damaged files was refused");
  }

  private static final Set<Class<? extends Exception>> FORMAT =
      Set.of(CheckpointFormatException.class, UncheckedIOException.class);

  /** Reads everything that the file says it holds. */
  private static void readAll(TensorSource source) {
    for (String name : source.names()) {
      if (source.info(name).type().isFloating()) {
        assertEquals(source.info(name).elements(), source.floats(name).length);
      } else {
        assertEquals(source.info(name).elements(), source.integers(name).length);
      }
    }
  }

  @Test
  void safetensors() throws IOException {
    byte[] original = Files.readAllBytes(training.resolve("parameters.safetensors"));
    survives(
        original,
        "parameters.safetensors",
        FORMAT,
        file -> {
          try (SafetensorsFile source = SafetensorsFile.open(file)) {
            readAll(source);
          }
        });
  }

  @Test
  void safetensorsIndex() throws IOException {
    Path index = export.resolve("model.safetensors.index.json");
    byte[] original = Files.readAllBytes(index);
    try {
      survives(
          original,
          "index.json",
          FORMAT,
          file -> {
            Files.copy(file, index, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            try (SafetensorsFile source = SafetensorsFile.open(export)) {
              readAll(source);
            }
          });
    } finally {
      Files.write(index, original);
    }
  }

  /** Members carry a CRC: what is read under a known name has the values it was written with. */
  @Test
  void npz() throws IOException {
    Path original = folder.resolve("model.npz");
    try (NpzFile truth = NpzFile.open(original)) {
      survives(
          Files.readAllBytes(original),
          "damaged.npz",
          FORMAT,
          file -> {
            try (NpzFile source = NpzFile.open(file)) {
              for (String name : source.names()) {
                float[] values = source.floats(name);
                if (truth.contains(name)) {
                  assertArrayEquals(truth.floats(name), values);
                }
              }
            }
          });
    }
  }

  /** A checkpoint that opens is the checkpoint that was written. */
  @ParameterizedTest
  @ValueSource(strings = {"manifest.json", "parameters.safetensors"})
  void trainingCheckpoint(String part) throws IOException {
    Path file = training.resolve(part);
    byte[] original = Files.readAllBytes(file);
    Map<String, Object> facts = CheckpointStore.open(training).facts();
    try (NDManager manager = NDManager.newBaseManager()) {
      survives(
          original,
          part,
          FORMAT,
          damaged -> {
            Files.copy(damaged, file, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            TrainingCheckpoint opened = CheckpointStore.open(training);
            assertEquals(facts, opened.facts());
            opened.read(manager, "parameters").close();
            if (!part.equals("manifest.json")) {
              assertArrayEquals(original, Files.readAllBytes(file));
            }
          });
    } finally {
      Files.write(file, original);
    }
  }

  @Test
  void huggingFaceConfig() throws IOException {
    survives(
        Files.readAllBytes(export.resolve("config.json")),
        "config.json",
        Set.of(
            CheckpointFormatException.class,
            InvalidConfigException.class,
            UncheckedIOException.class),
        HuggingFaceConfig::read);
  }

  @ParameterizedTest
  @ValueSource(strings = {TokenizerFiles.SENTENCE_PIECE, TokenizerFiles.HUGGING_FACE})
  void tokenizer(String name) throws IOException {
    survives(
        Files.readAllBytes(folder.resolve("tokenizer").resolve(name)),
        name,
        Set.of(IllegalArgumentException.class, UncheckedIOException.class),
        file -> {
          Tokenizer tokenizer = Tokenizer.load(file);
          tokenizer.decode(tokenizer.encode("caption a red circle <loc0012>"));
        });
  }

  @Test
  void jsonLines() throws IOException {
    String lines =
        """
        {"image": "a.png", "prefix": "caption en", "suffix": "a red circle"}
        {"image": ["a.png", "b.png"], "prefix": "answer en what is it", "suffix": ["one", "two"]}
        {"prefix": "no picture", "suffix": "", "more": {"deep": [1, 2.5, null, true]}}
        """;
    survives(
        lines.getBytes(java.nio.charset.StandardCharsets.UTF_8),
        "examples.jsonl",
        Set.of(
            BadExampleException.class, IllegalArgumentException.class, UncheckedIOException.class),
        file -> {
          try (ExampleSource source =
              ExampleSource.open(new SourceConfig.JsonLines(file.toString(), null))) {
            for (long i = 0; i < source.size(); i++) {
              source.row(i);
            }
            source.fingerprint();
          }
        });
  }

  private static final Set<Class<? extends Exception>> ROWS =
      Set.of(BadExampleException.class, IllegalArgumentException.class, UncheckedIOException.class);

  /** Reads every row of a source, of the largest the first and last. */
  private static void readRows(SourceConfig config) {
    try (ExampleSource source = ExampleSource.open(config)) {
      BadExampleException bad = null;
      for (long i = 0; i < Math.min(50, source.size()); i++) {
        try {
          source.row(i);
          source.row(source.size() - 1 - i);
        } catch (BadExampleException e) {
          bad = e;
        }
      }
      source.fingerprint();
      if (bad != null) {
        throw bad;
      }
    }
  }

  private static final String COCO =
      """
      {"info": {"year": 2017}, "images": [
        {"id": 1, "file_name": "1.jpg", "height": 80, "width": 100},
        {"id": 2, "file_name": "2.jpg", "height": 80, "width": 100}],
       "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "iscrowd": 0,
         "segmentation": [[10, 10, 30, 10, 30, 30, 10, 30]], "caption": "a cat"},
        {"id": 2, "image_id": 2, "category_id": 3, "bbox": [10, 10, 20, 20], "iscrowd": 0,
         "segmentation": {"size": [80, 100], "counts": [800, 100, 7100]}, "caption": "a dog"}],
       "categories": [{"id": 1, "name": "cat"}, {"id": 3, "name": "dog"}]}
      """;

  @Test
  void cocoInstances() throws IOException {
    survives(
        COCO.getBytes(java.nio.charset.StandardCharsets.UTF_8),
        "instances.json",
        ROWS,
        file -> readRows(new SourceConfig.CocoInstances(file.toString(), folder.toString())));
  }

  /** Masks as well, up to their tokens' pixels. */
  @Test
  void cocoMasks() throws IOException {
    TaskType segment =
        new TaskType.Segment(codec().toString(), 4, false, 0, TaskType.Negatives.NONE);
    Tokenizer tokenizer =
        Tokenizer.load(folder.resolve("tokenizer").resolve(TokenizerFiles.SENTENCE_PIECE));
    survives(
        COCO.getBytes(java.nio.charset.StandardCharsets.UTF_8),
        "masks.json",
        ROWS,
        file -> {
          SourceConfig source = new SourceConfig.CocoInstances(file.toString(), folder.toString());
          try (Task task =
              Task.open(
                  new TaskConfig(source, segment, Map.of()), new TextBudget(tokenizer, 512))) {
            for (long i = 0; i < task.size(); i++) {
              task.example(i);
            }
          }
        });
  }

  private static Path codec() {
    return Path.of("..", "mixtures", "src", "test", "resources", "golden", "masks", "vae.npz");
  }

  @Test
  void cocoCaptions() throws IOException {
    survives(
        COCO.getBytes(java.nio.charset.StandardCharsets.UTF_8),
        "captions.json",
        ROWS,
        file -> readRows(new SourceConfig.CocoCaptions(file.toString(), folder.toString())));
  }

  @Test
  void maskCodec() throws IOException {
    survives(Files.readAllBytes(codec()), "vae.npz", ROWS, SegmentationTokens::load);
  }

  @Test
  void openImages() throws IOException {
    String boxes =
        """
        ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsGroupOf
        000a,xclick,/m/01,1,0.1,0.5,0.2,0.6,0,0
        000b,xclick,"/m/02",1,0.1,0.5,0.2,0.6,0,1
        """;
    Path classes =
        Files.writeString(folder.resolve("classes.csv"), "/m/01,\"Cat, domestic\"\n/m/02,Dog\n");
    survives(
        boxes.getBytes(java.nio.charset.StandardCharsets.UTF_8),
        "boxes.csv",
        ROWS,
        file ->
            readRows(
                new SourceConfig.OpenImages(
                    file.toString(), null, classes.toString(), folder.toString())));
  }

  @ParameterizedTest
  @ValueSource(strings = {"ustar.tar", "gnu.tar", "pax.tar", "webdataset.tar"})
  void shards(String name) throws IOException {
    survives(
        Files.readAllBytes(odd("tar/" + name)),
        name,
        ROWS,
        file -> readRows(new SourceConfig.Tar(file.toString())));
  }

  @ParameterizedTest
  @ValueSource(strings = {"layouts.arrow", "layouts-stream.arrow", "view.arrow"})
  void tables(String name) throws IOException {
    survives(
        Files.readAllBytes(odd(name)),
        name,
        ROWS,
        file -> readRows(new SourceConfig.Arrow(file.toString(), List.of(), List.of(), null)));
  }

  @Test
  void parquet() throws IOException {
    survives(
        Files.readAllBytes(odd("layouts.parquet")),
        "layouts.parquet",
        ROWS,
        file ->
            readRows(
                new SourceConfig.Parquet(
                    file.toString(),
                    List.of(),
                    List.of(),
                    null,
                    folder.resolve("cache").toString())));
  }

  private static Path odd(String name) {
    return Path.of("..", "mixtures", "src", "test", "resources", "golden", "odd").resolve(name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"png", "jpg", "gif"})
  void images(String format) throws IOException {
    BufferedImage picture = new BufferedImage(40, 24, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < 24; y++) {
      for (int x = 0; x < 40; x++) {
        picture.setRGB(x, y, ((x * 6) << 16) | ((y * 10) << 8) | (x ^ y));
      }
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    assertTrue(ImageIO.write(picture, format, bytes));
    survives(
        bytes.toByteArray(),
        "picture." + format,
        Set.of(IOException.class),
        file -> {
          Image image = ImageDecoder.decode(file);
          assertTrue((long) image.width() * image.height() <= ImageDecoder.MAX_PIXELS);
          assertEquals(3 * image.width() * image.height(), image.rgb().length);
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"rehearsal.yaml", "paligemma-3b.yaml", "forkme.yaml"})
  void recipes(String name) throws IOException {
    Path recipes = Path.of("..", "configs", "recipes");
    survives(
        Files.readAllBytes(recipes.resolve(name)),
        name,
        Set.of(InvalidConfigException.class),
        file -> Recipes.bind(file, List.of(), Map.of("run", "runs/x", "recipe", "configs")));
  }
}
