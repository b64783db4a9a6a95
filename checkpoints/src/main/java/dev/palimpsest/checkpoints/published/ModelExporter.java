package dev.palimpsest.checkpoints.published;

import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.checkpoints.published.WeightMapping.Part;
import dev.palimpsest.checkpoints.published.WeightMapping.Row;
import dev.palimpsest.checkpoints.tensors.ArrayMemory;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.Elements;
import dev.palimpsest.checkpoints.tensors.NpzWriter;
import dev.palimpsest.checkpoints.tensors.SafetensorsWriter;
import dev.palimpsest.checkpoints.tensors.TensorBytes;
import dev.palimpsest.checkpoints.tensors.TensorInfo;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.files.Durable;
import dev.palimpsest.files.Json;
import dev.palimpsest.files.WrittenFile;
import dev.palimpsest.model.Architecture;
import dev.palimpsest.model.ParameterSpecs;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Exports models in the published layouts. Importing an export gives the same parameters bit for
 * bit, as far as its number format can represent them.
 */
public final class ModelExporter {
  /** Prefixes of names in the checkpoints on the Hub. */
  static final Map<Part, String> PREFIXES =
      Map.of(
          Part.VISION, "vision_tower.vision_model",
          Part.CONNECTOR, "multi_modal_projector.linear",
          Part.LANGUAGE, "language_model.model");

  /** Gemma's context length; also written as the window if there is none. */
  private static final int MAX_POSITIONS = 8192;

  /**
   * The version of transformers whose layout the files have; transformers reads it for
   * compatibility.
   */
  static final String TRANSFORMERS_VERSION = "4.48.0";

  private ModelExporter() {}

  /** Additional files of an export, created after those of the model. */
  @FunctionalInterface
  public interface Beside {
    /** No additional files. */
    Beside NOTHING = written -> Map.of();

    /** Contents by name. */
    Map<String, byte[]> files(List<WrittenFile> written);
  }

  /**
   * A Hugging Face PaliGemma folder: config.json, generation_config.json, safetensors (sharded with
   * an index above 5 GB), preprocessor and tokenizer files. Written to a temporary folder and made
   * visible by one rename; an earlier export there is replaced. Parameters are copied piece by
   * piece, so that memory does not grow with the model.
   *
   * <p>The embedding is padded with a row for {@code <image>} to a multiple of 64 rows, as on the
   * Hub; new rows are the mean of all others (those of the Hub are sampled around it). The tied
   * output table is left out.
   *
   * @param processor how pictures and texts become inputs
   * @throws InvalidConfigException when Hugging Face's model cannot compute the same
   */
  public static void huggingFace(
      Path folder,
      ParameterValues parameters,
      ModelConfig model,
      int resolution,
      Precision precision,
      ExportedProcessor processor,
      Beside beside) {
    huggingFace(
        folder,
        parameters,
        model,
        resolution,
        precision,
        processor,
        beside,
        SafetensorsWriter.MAX_SHARD_BYTES);
  }

  /** The same with another limit on the size of a shard. */
  public static void huggingFace(
      Path folder,
      ParameterValues parameters,
      ModelConfig model,
      int resolution,
      Precision precision,
      ExportedProcessor processor,
      Beside beside,
      long maxShardBytes) {
    requireExpressible(model, resolution);
    check(parameters, model, resolution);
    checkReplaceable(folder);
    int image = processor.imageToken();
    int vocabulary = model.language().vocabulary();
    checkExpressible(model.language(), image);
    int multiple = HuggingFaceConfig.VOCABULARY_MULTIPLE;
    int rows = (Math.max(vocabulary, image + 1) + multiple - 1) / multiple * multiple;
    ElementType type = type(precision);
    List<Tensor> tensors = huggingFaceTensors(parameters, Architecture.of(model), precision, rows);
    Map<String, byte[]> small = new LinkedHashMap<>();
    small.put("config.json", json(config(model, resolution, type, rows, image)));
    small.put("generation_config.json", json(generationConfig()));
    small.put(
        "preprocessor_config.json",
        json(
            preprocessor(
                resolution, model.vision().imageTokens(resolution), processor.resample())));
    small.putAll(processor.tokenizerFiles());
    Durable.folder(
        folder,
        target -> {
          List<WrittenFile> written =
              new ArrayList<>(SafetensorsWriter.writeFolder(target, tensors, maxShardBytes));
          for (Map.Entry<String, byte[]> file : small.entrySet()) {
            written.add(Durable.write(target.resolve(file.getKey()), file.getValue()));
          }
          parameters.allRead();
          for (Map.Entry<String, byte[]> file : beside.files(written).entrySet()) {
            Durable.write(target.resolve(file.getKey()), file.getValue());
          }
        });
  }

  /**
   * A big_vision npz: stacked layers, {@code params/} names, bfloat16 as two-byte void. Written to
   * a temporary file and made visible by one rename.
   *
   * @return size and hash of the file
   */
  public static WrittenFile bigVision(
      Path file,
      ParameterValues parameters,
      ModelConfig model,
      int resolution,
      Precision precision) {
    requireExpressible(model, resolution);
    check(parameters, model, resolution);
    List<Tensor> tensors = bigVisionTensors(parameters, Architecture.of(model), precision);
    return Durable.fileHashed(
        file,
        tensors.stream().mapToLong(tensor -> tensor.info().byteSize()).sum(),
        channel -> {
          NpzWriter.write(channel, tensors);
          parameters.allRead();
        });
  }

  /**
   * The tensors of a Hugging Face model.
   *
   * @param rows rows of the embedding, including padding
   */
  static List<Tensor> huggingFaceTensors(
      ParameterValues parameters, Architecture model, Precision precision, int rows) {
    ElementType type = type(precision);
    List<Tensor> tensors = new ArrayList<>();
    for (Row row : WeightMapping.huggingFace(model, PREFIXES)) {
      tensors.add(
          row.ours().equals(WeightMapping.EMBEDDING)
              ? padded(row.foreign(), parameters, rows, type)
              : whole(row, parameters, type));
    }
    return tensors;
  }

  /** The arrays of a big_vision model. */
  static List<Tensor> bigVisionTensors(
      ParameterValues parameters, Architecture model, Precision precision) {
    Map<String, List<Row>> arrays = new LinkedHashMap<>();
    for (Row row : WeightMapping.bigVision(model, EnumSet.allOf(Part.class), false)) {
      arrays.computeIfAbsent(row.foreign(), n -> new ArrayList<>()).add(row);
    }
    List<Tensor> tensors = new ArrayList<>();
    arrays.forEach(
        (name, rows) -> tensors.add(stacked("params/" + name, rows, parameters, type(precision))));
    return tensors;
  }

  private static ElementType type(Precision precision) {
    return precision == Precision.F32 ? ElementType.F32 : ElementType.BF16;
  }

  /** A parameter in our own layout. */
  static Tensor whole(Row row, ParameterValues parameters, ElementType type) {
    return new Tensor(
        new TensorInfo(row.foreign(), type, shape(parameters, row.ours())),
        out -> out.write(parameters.bytes(row.ours())));
  }

  private static Shape shape(ParameterValues parameters, String name) {
    return Objects.requireNonNull(parameters.shapes().get(name), name);
  }

  /** One foreign array, made of all the parts that the table places in it. */
  static Tensor stacked(String name, List<Row> rows, ParameterValues parameters, ElementType type) {
    List<Row> ordered = new ArrayList<>(rows);
    ordered.sort((a, b) -> compare(a.index(), b.index()));
    Row last = ordered.get(ordered.size() - 1);
    Shape part = last.foreignShape(last.written(), shape(parameters, last.ours()));
    Shape whole = new Shape(last.index().stream().mapToLong(i -> i + 1).toArray()).addAll(part);
    return new Tensor(
        new TensorInfo(name, type, whole),
        out -> {
          Band band = new Band();
          for (Row row : ordered) {
            TensorBytes ours = parameters.bytes(row.ours());
            if (row.written().moves()) {
              out.writeInOrder(part.size(), row.written().foreign(floats(ours), part, band::lend));
            } else {
              out.write(ours);
            }
          }
        });
  }

  private static ArrayMemory.Part floats(TensorBytes float32) {
    return (first, memory) -> Elements.readFloats(float32, ElementType.F32, first, memory);
  }

  private static int compare(List<Integer> a, List<Integer> b) {
    for (int i = 0; i < a.size(); i++) {
      int order = Integer.compare(a.get(i), b.get(i));
      if (order != 0) {
        return order;
      }
    }
    return 0;
  }

  private static Tensor padded(
      String name, ParameterValues parameters, int rows, ElementType type) {
    Shape shape = shape(parameters, WeightMapping.EMBEDDING);
    return new Tensor(
        new TensorInfo(name, type, new Shape(rows, shape.get(1))),
        out -> {
          ArrayMemory.Part embedding = floats(parameters.bytes(WeightMapping.EMBEDDING));
          MeanRow mean = new MeanRow(Math.toIntExact(shape.get(1)));
          out.writeInOrder(
              shape.size(),
              (first, memory) -> {
                embedding.visit(first, memory.duplicate().order(memory.order()));
                mean.add(memory.asFloatBuffer());
              });
          float[] row = mean.over(shape.get(0));
          for (long i = shape.get(0); i < rows; i++) {
            out.write(row, row.length);
          }
        });
  }

  /** The mean of a table's rows, which are added as they pass by, in order; sums in float64. */
  private static final class MeanRow {
    /** Rows that are added at a time. */
    private static final int ROWS = 4;

    private final double[] sums;
    private final float[] rows;
    private int filled; // elements of rows

    MeanRow(int width) {
      sums = new double[width];
      rows = new float[ROWS * width];
    }

    /** Adds the next elements of the table. */
    void add(FloatBuffer elements) {
      while (elements.hasRemaining()) {
        int n = Math.min(elements.remaining(), rows.length - filled);
        elements.get(rows, filled, n);
        filled += n;
        if (filled == rows.length) {
          addRows(sums, rows, sums.length);
          filled = 0;
        }
      }
    }

    /** All rows at once, so that each sum is loaded and stored once. */
    private static void addRows(double[] sums, float[] rows, int width) {
      for (int i = 0; i < width; i++) {
        sums[i] = sums[i] + rows[i] + rows[width + i] + rows[2 * width + i] + rows[3 * width + i];
      }
    }

    float[] over(long count) {
      for (int i = 0; i < filled; i++) {
        sums[i % sums.length] += rows[i];
      }
      filled = 0;
      float[] mean = new float[sums.length];
      for (int i = 0; i < mean.length; i++) {
        mean[i] = (float) (sums[i] / count);
      }
      return mean;
    }
  }

  private static void check(ParameterValues parameters, ModelConfig model, int resolution) {
    List<Problem> problems = new ArrayList<>();
    ParameterSpecs.of(model, resolution)
        .forEach(
            (name, shape) -> {
              Shape found = parameters.shapes().get(name);
              if (!shape.equals(found)) {
                problems.add(
                    new Problem(
                        name,
                        "the model at %d pixels has %s, the parameters have %s"
                            .formatted(resolution, shape, found == null ? "none" : found)));
              }
            });
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
  }

  private static void checkReplaceable(Path folder) {
    if (Files.exists(folder) && !Files.exists(folder.resolve("config.json"))) {
      throw new IllegalArgumentException(
          folder + " exists and is not an earlier export; choose a folder that does not exist");
    }
  }

  private static void requireExpressible(ModelConfig model, int resolution) {
    List<Problem> problems =
        model.inexpressible(resolution).stream()
            .map(reason -> new Problem("", "this model cannot be exported: " + reason))
            .toList();
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
  }

  private static void checkExpressible(LanguageConfig c, int imageToken) {
    List<Problem> problems = new ArrayList<>();
    if (!c.postNorms()) { // Gemma 1 in transformers has no such settings
      if (c.attentionSoftcap() != 0 || c.finalSoftcap() != 0) {
        problems.add(
            new Problem(
                "language",
                "Gemma 1 in Hugging Face's layout has no soft-caps; export as big_vision, or train a last stage without them"));
      }
      if (c.queryScalar() != c.headDim() || c.slidingWindow() != 0) {
        problems.add(
            new Problem(
                "language",
                "Hugging Face's Gemma 1 scales queries by the head width %d and has no window, got"
                        .formatted(c.headDim())
                    + " query scalar %s and window %d"
                        .formatted(c.queryScalar(), c.slidingWindow())));
      }
    }
    if (imageToken > c.vocabulary()) {
      problems.add(
          new Problem(
              "language.vocabulary",
              "the tokenizer has %d ids, the embedding only %d rows"
                  .formatted(imageToken, c.vocabulary())));
    }
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
  }

  private static ObjectNode config(
      ModelConfig model, int resolution, ElementType type, int rows, int imageToken) {
    LanguageConfig language = model.language();
    VisionConfig vision = model.vision();
    String dtype = dtype(type);
    int imageTokens = vision.imageTokens(resolution);
    ObjectNode root = Json.PYTHON.createObjectNode();
    root.putArray("architectures").add("PaliGemmaForConditionalGeneration");
    root.put("model_type", "paligemma");
    root.put("bos_token_id", 2).put("eos_token_id", 1).put("pad_token_id", 0);
    root.put("ignore_index", -100).put("image_token_index", imageToken);
    root.put(HuggingFaceConfig.TRAINED_VOCABULARY, language.vocabulary());
    root.put("vocab_size", rows);
    root.put("hidden_size", language.width()).put("projection_dim", language.width());
    root.put("tie_word_embeddings", true);

    ObjectNode text = root.putObject("text_config");
    describe(text, language, type, rows);
    text.put("num_image_tokens", imageTokens);

    ObjectNode tower = root.putObject("vision_config");
    tower.put("model_type", "siglip_vision_model").put("hidden_size", vision.width());
    tower.put("intermediate_size", vision.mlpWidth()).put("num_hidden_layers", vision.depth());
    tower.put("num_attention_heads", vision.heads()).put("num_channels", 3);
    tower.put("patch_size", vision.patchSize()).put("image_size", resolution);
    tower.put("num_image_tokens", imageTokens).put("projection_dim", language.width());
    tower.put("hidden_act", "gelu_pytorch_tanh").put("projector_hidden_act", "gelu_fast");
    tower.put("layer_norm_eps", vision.normEpsilon()).put("attention_dropout", 0.0);
    tower.put("vision_use_head", false).put("torch_dtype", dtype);

    root.put("torch_dtype", dtype).put("transformers_version", TRANSFORMERS_VERSION);
    return root;
  }

  /** Writes a Gemma's fields. */
  static void describe(ObjectNode text, LanguageConfig language, ElementType type, int rows) {
    text.put("model_type", language.postNorms() ? "gemma2" : "gemma");
    text.put("vocab_size", rows).put("hidden_size", language.width());
    text.put("intermediate_size", language.mlpWidth());
    text.put("num_hidden_layers", language.depth());
    text.put("num_attention_heads", language.heads());
    text.put("num_key_value_heads", language.keyValueHeads());
    text.put("head_dim", language.headDim());
    text.put("hidden_act", "gelu_pytorch_tanh").put("hidden_activation", "gelu_pytorch_tanh");
    text.put("rms_norm_eps", language.normEpsilon()).put("rope_theta", language.ropeTheta());
    text.put("max_position_embeddings", MAX_POSITIONS);
    text.put("attention_bias", false).put("attention_dropout", 0.0);
    text.put("bos_token_id", 2).put("eos_token_id", 1).put("pad_token_id", 0);
    text.put("tie_word_embeddings", true).put("torch_dtype", dtype(type));
    if (language.postNorms()) {
      if (language.queryScalar() == Math.rint(language.queryScalar())) {
        text.put("query_pre_attn_scalar", (int) language.queryScalar());
      } else {
        text.put("query_pre_attn_scalar", language.queryScalar());
      }
      softcap(text, "attn_logit_softcapping", language.attentionSoftcap());
      softcap(text, "final_logit_softcapping", language.finalSoftcap());
      // Gemma 2 in transformers always has a window; one of the whole context hides nothing.
      text.put(
          "sliding_window",
          language.slidingWindow() == 0 ? MAX_POSITIONS : language.slidingWindow());
      if (language.slidingWindow() > 0 && language.windowCutsPrefix()) {
        text.put(HuggingFaceConfig.WINDOW_CUTS_PREFIX, true);
      }
      text.put("cache_implementation", "hybrid");
    }
  }

  private static String dtype(ElementType type) {
    return type == ElementType.F32 ? "float32" : "bfloat16";
  }

  private static void softcap(ObjectNode text, String field, double value) {
    if (value == 0) {
      text.putNull(field);
    } else {
      text.put(field, value);
    }
  }

  private static ObjectNode generationConfig() {
    return Json.PYTHON
        .createObjectNode()
        .put("_from_model_config", true)
        .put("bos_token_id", 2)
        .put("eos_token_id", 1)
        .put("pad_token_id", 0)
        .put("transformers_version", TRANSFORMERS_VERSION);
  }

  private static ObjectNode preprocessor(int resolution, int imageTokens, int resample) {
    ObjectNode node = Json.PYTHON.createObjectNode();
    node.put("do_convert_rgb", true); // grey pictures and those with alpha also get three channels
    node.put("do_normalize", true).put("do_rescale", true).put("do_resize", true);
    node.putArray("image_mean").add(0.5).add(0.5).add(0.5);
    node.put("image_processor_type", "SiglipImageProcessor");
    node.put("image_seq_length", imageTokens);
    node.putArray("image_std").add(0.5).add(0.5).add(0.5);
    node.put("processor_class", "PaliGemmaProcessor");
    node.put("resample", resample).put("rescale_factor", 1 / 255.0);
    node.putObject("size").put("height", resolution).put("width", resolution);
    return node;
  }

  static byte[] json(ObjectNode node) {
    return (node.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8);
  }
}
