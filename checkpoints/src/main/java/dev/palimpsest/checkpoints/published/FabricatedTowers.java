package dev.palimpsest.checkpoints.published;

import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.checkpoints.published.Rearrangement.Runs;
import dev.palimpsest.checkpoints.published.WeightMapping.Part;
import dev.palimpsest.checkpoints.published.WeightMapping.Row;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.NpzWriter;
import dev.palimpsest.checkpoints.tensors.SafetensorsWriter;
import dev.palimpsest.checkpoints.tensors.TensorInfo;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.files.Durable;
import dev.palimpsest.files.Durable.FolderContent;
import dev.palimpsest.files.Json;
import dev.palimpsest.model.ParameterSpecs;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Writes towers with the names, layouts and sizes of the published ones and random values, so that
 * stage 0 can import something where the real ones are not available. Values are computed as they
 * are written, so that no model is too large. Equal models and seeds give equal bytes for any
 * number of threads; both forms of SigLIP have the same values.
 *
 * <p>The values keep activations near 1: matrices have deviation fan-in^-0.5, divided for those
 * that write to the residual stream by the square root of their number; norms are near 1 and biases
 * small.
 */
public final class FabricatedTowers {
  /** Deviation around a norm's neutral scale. */
  private static final double SCALE_DEVIATION = 0.05;

  private static final double BIAS_DEVIATION = 0.02;

  /** Approximately the value in published SigLIPs: the logarithm of the factor on similarities. */
  private static final double TEMPERATURE = 4.7;

  /**
   * Approximately the value in published SigLIPs; it is this low because a picture has one matching
   * text among thousands in a batch.
   */
  private static final double CONTRASTIVE_BIAS = -16;

  /** Window of the even layers in published Gemma 2 files. */
  private static final int WINDOW = 4096;

  private static final Pattern BLOCK = Pattern.compile("/blocks/(\\d+)/");

  private final ModelConfig model;
  private final int resolution;
  private final int texts;
  private final int textTokens;
  private final long seed;
  private final Map<String, Shape> specs;

  /**
   * Fabricates the towers of a model.
   *
   * @param model its vocabulary is the number of embedding rows that Gemma has
   * @param resolution side of the pictures that SigLIP was trained on, in pixels
   * @param texts vocabulary of SigLIP's text tower, whose blocks are like the image tower's
   * @param textTokens length of its texts
   */
  public FabricatedTowers(ModelConfig model, int resolution, int texts, int textTokens, long seed) {
    this.model = model;
    this.resolution = resolution;
    this.texts = texts;
    this.textTokens = textTokens;
    this.seed = seed;
    this.specs = ParameterSpecs.of(model, resolution);
  }

  /** A SigLIP npz of big_vision: float32, stacked blocks, with pooling head and text tower. */
  public void siglipBigVision(Path file) {
    List<Tensor> tensors =
        tensors(WeightMapping.siglipBigVision(model), "params/", ElementType.F32);
    Durable.file(file, channel -> NpzWriter.write(channel, tensors));
  }

  /** A SigLIP folder of Hugging Face: the same values in one float32 safetensors file. */
  public void siglipHuggingFace(Path folder) {
    List<Tensor> tensors = tensors(WeightMapping.siglipHuggingFace(model), "", ElementType.F32);
    ObjectNode config = Json.PYTHON.createObjectNode();
    config.putArray("architectures").add("SiglipModel");
    config.put("initializer_factor", 1.0).put("model_type", "siglip");
    describe(config.putObject("text_config"), "siglip_text_model", model.vision())
        .put("vocab_size", texts)
        .put("max_position_embeddings", textTokens);
    describe(config.putObject("vision_config"), "siglip_vision_model", model.vision())
        .put("image_size", resolution)
        .put("patch_size", model.vision().patchSize());
    config.put("torch_dtype", "float32");
    config.put("transformers_version", ModelExporter.TRANSFORMERS_VERSION);
    Durable.folder(
        folder,
        target -> {
          SafetensorsWriter.writeFolder(target, tensors, SafetensorsWriter.MAX_SHARD_BYTES);
          Durable.write(target.resolve("config.json"), ModelExporter.json(config));
        });
  }

  private static ObjectNode describe(ObjectNode node, String type, VisionConfig tower) {
    return node.put("model_type", type)
        .put("hidden_size", tower.width())
        .put("intermediate_size", tower.mlpWidth())
        .put("num_hidden_layers", tower.depth())
        .put("num_attention_heads", tower.heads())
        .put("hidden_act", "gelu_pytorch_tanh")
        .put("layer_norm_eps", tower.normEpsilon())
        .put("attention_dropout", 0.0);
  }

  /**
   * A Gemma folder of Hugging Face: bfloat16 safetensors, in shards if they are too large for one
   * file, block after block.
   *
   * @param tokenizer writes the tokenizer's files
   */
  public void gemma(Path folder, FolderContent tokenizer) {
    List<Tensor> tensors = gemmaTensors();
    ObjectNode config = TowerExporter.gemmaConfig(model.language(), ElementType.BF16);
    if (model.language().postNorms()) {
      config.put("sliding_window", WINDOW);
    }
    Durable.folder(
        folder,
        target -> {
          SafetensorsWriter.writeFolder(target, tensors, SafetensorsWriter.MAX_SHARD_BYTES);
          Durable.write(target.resolve("config.json"), ModelExporter.json(config));
          tokenizer.writeTo(target);
        });
  }

  private List<Tensor> gemmaTensors() {
    List<Row> rows =
        new ArrayList<>(WeightMapping.huggingFace(model, Map.of(Part.LANGUAGE, "model")));
    rows.sort(Comparator.comparingInt(FabricatedTowers::place));
    return tensors(rows, "", ElementType.BF16);
  }

  /** Order as in a published file: the embedding, the blocks, the last norm. */
  private static int place(Row row) {
    Matcher block = BLOCK.matcher(row.ours());
    return row.ours().equals(WeightMapping.EMBEDDING)
        ? -1
        : block.find() ? Integer.parseInt(block.group(1)) : Integer.MAX_VALUE;
  }

  /** Bytes of SigLIP's values, in either form. */
  public long siglipBytes() {
    return bytes(tensors(WeightMapping.siglipBigVision(model), "", ElementType.F32));
  }

  /** Bytes of the decoder's values. */
  public long gemmaBytes() {
    return bytes(gemmaTensors());
  }

  private static long bytes(List<Tensor> tensors) {
    return tensors.stream().mapToLong(tensor -> tensor.info().byteSize()).sum();
  }

  private List<Tensor> tensors(List<Row> rows, String prefix, ElementType type) {
    Map<String, List<Row>> arrays = new LinkedHashMap<>();
    for (Row row : rows) {
      arrays.computeIfAbsent(row.foreign(), name -> new ArrayList<>()).add(row);
    }
    List<Tensor> tensors = new ArrayList<>();
    arrays.forEach((name, parts) -> tensors.add(tensor(prefix + name, parts, type)));
    return tensors;
  }

  /** One foreign array with its parts, of which the table lists the first index first. */
  private Tensor tensor(String name, List<Row> rows, ElementType type) {
    Row first = rows.get(0);
    Shape part = first.foreignShape(first.written(), shape(first.ours()));
    Shape whole = part;
    if (name.contains(".in_proj_")) {
      // torch concatenates the three along the first axis instead of stacking them
      whole = new Shape(rows.size() * part.get(0)).addAll(part.slice(1));
    } else if (!first.index().isEmpty()) {
      whole = new Shape(rows.size()).addAll(part);
    }
    Runs runs = first.written().runs(part);
    return new Tensor(
        new TensorInfo(name, type, whole),
        out -> {
          for (Row row : rows) {
            DrawnValues values = values(row.ours());
            out.write(part.size(), (from, memory) -> fill(values, runs, from, memory));
          }
        });
  }

  private static void fill(DrawnValues values, Runs runs, long from, ByteBuffer memory) {
    for (long at = from; memory.hasRemaining(); ) {
      int run = (int) Math.min(memory.remaining() / Float.BYTES, runs.left(at));
      ByteBuffer target = memory.slice(memory.position(), run * Float.BYTES);
      values.fill(runs.ours(at), runs.stride(), target.order(memory.order()));
      memory.position(memory.position() + run * Float.BYTES);
      at += run;
    }
  }

  private DrawnValues values(String ours) {
    Shape shape = shape(ours);
    String kind = ours.substring(ours.lastIndexOf('/') + 1);
    boolean language = ours.startsWith("language/");
    if (ours.equals("contrastive/temperature")) {
      return new DrawnValues(seed, ours, TEMPERATURE, 0);
    } else if (ours.equals("contrastive/bias")) {
      return new DrawnValues(seed, ours, CONTRASTIVE_BIAS, 0);
    } else if (kind.equals("scale")) {
      return new DrawnValues(seed, ours, language ? 0 : 1, SCALE_DEVIATION);
    } else if (kind.equals("bias")) {
      return new DrawnValues(seed, ours, 0, BIAS_DEVIATION);
    }
    long inputs =
        shape.dimension() == 4
            ? shape.size() / shape.get(0) // a patch
            : shape.get(shape.dimension() - 1);
    boolean toResidual = ours.matches(".*/blocks/.*/(out|down)/.*");
    int depth = language ? model.language().depth() : model.vision().depth();
    double writers = toResidual ? 2.0 * depth : 1;
    return new DrawnValues(seed, ours, 0, 1 / Math.sqrt(inputs * writers));
  }

  /** Our shape of a parameter, or of an array that only SigLIP has, treated like a parameter. */
  private Shape shape(String ours) {
    Shape known = specs.get(ours);
    if (known != null) {
      return known;
    }
    int width = model.vision().width();
    String name = ours.substring(ours.indexOf('/') + 1);
    return switch (name) {
      case "temperature", "bias" -> new Shape(1);
      case "pooling/probe" -> new Shape(1, 1, width);
      case "text/embedding" -> new Shape(texts, width);
      case "text/position_embedding" -> new Shape(textTokens, width);
      case "text/head/kernel" -> new Shape(width, width);
      case "text/head/bias" -> new Shape(width);
      default -> {
        String alike =
            name.replaceFirst("^text/", "vision/")
                .replaceFirst("^pooling/norm/", "vision/norm/")
                .replaceFirst("^pooling/", "vision/blocks/0/");
        yield Objects.requireNonNull(specs.get(alike), ours);
      }
    };
  }
}
