package dev.palimpsest.checkpoints.published;

import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.checkpoints.published.WeightMapping.Part;
import dev.palimpsest.checkpoints.published.WeightMapping.Row;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.NpzWriter;
import dev.palimpsest.checkpoints.tensors.SafetensorsWriter;
import dev.palimpsest.checkpoints.tensors.TensorInfo;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.files.Durable;
import dev.palimpsest.files.Json;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Exports single towers in the forms in which SigLIP and Gemma are published and stage 0 imports
 * them. Numbers are float32.
 */
public final class TowerExporter {
  private TowerExporter() {}

  /**
   * A SigLIP npz of big_vision: the image tower with stacked layers under {@code params/img}, and,
   * as in the published files, arrays that stage 0 drops: the pooling head's probe, a text tower's
   * embedding, the loss's temperature and bias, all zeros here.
   *
   * @param parameters contains at least the image tower's
   */
  public static void siglip(Path file, ParameterValues parameters, ModelConfig model) {
    Map<String, List<Row>> arrays = new LinkedHashMap<>();
    for (Row row : WeightMapping.bigVision(model, EnumSet.of(Part.VISION), false)) {
      arrays.computeIfAbsent(row.foreign(), name -> new ArrayList<>()).add(row);
    }
    List<Tensor> tensors = new ArrayList<>();
    arrays.forEach(
        (name, rows) ->
            tensors.add(
                ModelExporter.stacked("params/" + name, rows, parameters, ElementType.F32)));
    int width = model.vision().width();
    tensors.add(Tensor.zeros("params/img/MAPHead_0/probe", new Shape(1, 1, width)));
    tensors.add(Tensor.zeros("params/txt/Embed_0/embedding", new Shape(1, width)));
    tensors.add(Tensor.zeros("params/t", new Shape(1)));
    tensors.add(Tensor.zeros("params/b", new Shape(1)));
    Durable.file(file, channel -> NpzWriter.write(channel, tensors));
  }

  /**
   * A Gemma folder of Hugging Face: {@code config.json} and safetensors. An existing one is
   * replaced.
   *
   * @param parameters contains at least the decoder's
   * @param model its vocabulary is the number of embedding rows
   */
  public static void gemma(Path folder, ParameterValues parameters, ModelConfig model) {
    List<Tensor> tensors = new ArrayList<>();
    for (Row row : WeightMapping.huggingFace(model, Map.of(Part.LANGUAGE, "model"))) {
      tensors.add(ModelExporter.whole(row, parameters, ElementType.F32));
    }
    ObjectNode config = gemmaConfig(model.language(), ElementType.F32);
    Durable.folder(
        folder,
        target -> {
          SafetensorsWriter.writeFolder(target, tensors, SafetensorsWriter.MAX_SHARD_BYTES);
          Durable.write(target.resolve("config.json"), ModelExporter.json(config));
        });
  }

  /** A Gemma's {@code config.json}; with as many rows as the vocabulary. */
  static ObjectNode gemmaConfig(LanguageConfig language, ElementType type) {
    ObjectNode config = Json.PYTHON.createObjectNode();
    config
        .putArray("architectures")
        .add(language.postNorms() ? "Gemma2ForCausalLM" : "GemmaForCausalLM");
    ModelExporter.describe(config, language, type, language.vocabulary());
    return config.put("transformers_version", ModelExporter.TRANSFORMERS_VERSION);
  }

  /**
   * A mask codec in the published layout ({@code vae-oid.npz}, PyTorch's names), random and narrow:
   * it turns masks into tokens that depend on their shapes, which is all that a rehearsal needs.
   */
  public static void maskCodec(Path file, long seed) {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    long width = 16;
    long[] down = {1, 4, 8, 16, 16};
    for (int i = 0; i < 4; i++) {
      shapes.put("encoder." + 2 * i + ".weight", new Shape(down[i + 1], down[i], 4, 4));
    }
    for (String block : List.of("encoder.8", "encoder.9", "decoder.2", "decoder.3")) {
      shapes.put(block + ".net.0.weight", new Shape(width, width, 3, 3));
      shapes.put(block + ".net.2.weight", new Shape(width, width, 3, 3));
      shapes.put(block + ".net.4.weight", new Shape(width, width, 1, 1));
    }
    shapes.put("encoder.10.weight", new Shape(width, width, 1, 1));
    shapes.put("decoder.0.weight", new Shape(width, width, 1, 1));
    long[] up = {16, 16, 8, 4, 2};
    for (int i = 0; i < 4; i++) {
      shapes.put("decoder." + (4 + 2 * i) + ".weight", new Shape(up[i], up[i + 1], 4, 4));
    }
    shapes.put("decoder.12.weight", new Shape(1, 2, 1, 1));
    List<Tensor> tensors = new ArrayList<>();
    shapes.forEach(
        (name, shape) -> {
          boolean transposed = name.matches("decoder[.](4|6|8|10)[.]weight");
          long inputs = shape.get(transposed ? 0 : 1) * shape.get(2) * shape.get(3);
          tensors.add(drawn(seed, name, shape, Math.sqrt(2.0 / inputs)));
          String bias = name.replace(".weight", ".bias");
          Shape outputs = new Shape(shape.get(transposed ? 1 : 0));
          tensors.add(drawn(seed, bias, outputs, 0.1));
        });
    tensors.add(drawn(seed, "_vq_vae._embedding", new Shape(128, width), 1));
    Durable.file(file, channel -> NpzWriter.write(channel, tensors));
  }

  private static Tensor drawn(long seed, String name, Shape shape, double deviation) {
    return new Tensor(
        new TensorInfo(name, ElementType.F32, shape),
        out -> {
          ByteBuffer values =
              ByteBuffer.allocate((int) shape.size() * Float.BYTES).order(ByteOrder.nativeOrder());
          new SeededNormal(seed, name).fill(values, deviation);
          out.write(values.flip());
        });
  }
}
