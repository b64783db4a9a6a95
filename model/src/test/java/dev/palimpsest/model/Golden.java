package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.towers.ModelInput;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/** A reference case: a small random model with inputs and expected values (see its README). */
public final class Golden {
  /** A tensor of a reference file; numbers of any stored type as floats. */
  public record Tensor(long[] shape, float[] values) {
    public NDArray array(NDManager manager) {
      return manager.create(values, new Shape(shape));
    }

    public NDArray integers(NDManager manager) {
      return array(manager).toType(DataType.INT64, false);
    }

    public float maximum() {
      float maximum = 0;
      for (float value : values) {
        maximum = Math.max(maximum, Math.abs(value));
      }
      return maximum;
    }
  }

  /** The tensors of a reference file. */
  public record Tensors(Map<String, Tensor> byName) {
    public Tensor get(String name) {
      Tensor tensor = byName.get(name);
      if (tensor == null) {
        throw new IllegalArgumentException("no tensor " + name + " among " + byName.keySet());
      }
      return tensor;
    }
  }

  private static final ObjectMapper JSON = new ObjectMapper();

  public final ModelConfig config;
  public final int resolution;
  final JsonNode expected;
  public final Tensors inputs;
  final Tensors outputs;
  private final String name;

  private Golden(String name) {
    this.name = name;
    JsonNode json = json(name + "/config.json");
    this.config = config(json);
    this.resolution = json.at("/vision_config/image_size").asInt();
    this.expected = json(name + "/expected.json");
    this.inputs = safetensors(name + "/inputs.safetensors");
    this.outputs = safetensors(name + "/outputs.safetensors");
  }

  public static Golden load(String name) {
    return new Golden(name);
  }

  @Override
  public String toString() {
    return name;
  }

  /** The case's weights under the project's names. */
  public Parameters parameters(NDManager manager) {
    Tensors weights = safetensors(name + "/model.safetensors");
    NDManager own = manager.newSubManager();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    ParameterSpecs.of(config, resolution)
        .forEach(
            (ours, shape) ->
                arrays.put(ours, own.create(weights.get(huggingFaceName(ours)).values, shape)));
    return new Parameters(own, arrays);
  }

  /** Gradients of the plain loss under the project's names. */
  Map<String, Tensor> gradients() {
    Tensors all = safetensors(name + "/grads.safetensors");
    Map<String, Tensor> ours = new LinkedHashMap<>();
    ParameterSpecs.of(config, resolution)
        .keySet()
        .forEach(parameter -> ours.put(parameter, all.get(huggingFaceName(parameter))));
    return ours;
  }

  /** Pictures, float32 [B, F, S, S, 3]. */
  public NDArray images(NDManager manager) {
    NDArray bytes = inputs.get("images_u8").array(manager);
    long batch = inputs.get("text").shape[0];
    return bytes
        .div(127.5)
        .sub(1)
        .reshape(batch, bytes.getShape().get(0) / batch, resolution, resolution, 3);
  }

  ModelInput input(NDManager manager) {
    return new ModelInput(
        images(manager),
        inputs.get("model_text").integers(manager),
        inputs.get("model_mask_ar").integers(manager));
  }

  public TrainingInput trainingInput(NDManager manager) {
    return new TrainingInput(
        input(manager),
        inputs.get("targets").integers(manager),
        inputs.get("target_mask").array(manager));
  }

  /** Another file of the case. */
  Tensors file(String file) {
    return safetensors(name + "/" + file);
  }

  /** Real tokens of each prompt. */
  public int[] promptLengths() {
    Tensor mask = inputs.get("eval_mask_input");
    int[] lengths = new int[(int) mask.shape[0]];
    for (int i = 0; i < mask.values.length; i++) {
      lengths[i / (int) mask.shape[1]] += (int) mask.values[i];
    }
    return lengths;
  }

  private static ModelConfig config(JsonNode json) {
    JsonNode v = json.get("vision_config");
    JsonNode t = json.get("text_config");
    boolean second = t.get("model_type").asText().equals("gemma2");
    return new ModelConfig(
        new VisionConfig(
            v.get("hidden_size").asInt(),
            v.get("num_hidden_layers").asInt(),
            v.get("intermediate_size").asInt(),
            v.get("num_attention_heads").asInt(),
            v.get("patch_size").asInt(),
            v.get("layer_norm_eps").asDouble()),
        new LanguageConfig(
                t.get("vocab_size").asInt(),
                t.get("hidden_size").asInt(),
                t.get("num_hidden_layers").asInt(),
                t.get("intermediate_size").asInt(),
                t.get("num_attention_heads").asInt(),
                t.get("num_key_value_heads").asInt(),
                t.get("head_dim").asInt(),
                t.path("query_pre_attn_scalar").asDouble(t.get("head_dim").asDouble()),
                t.path("attn_logit_softcapping").asDouble(0),
                t.path("final_logit_softcapping").asDouble(0),
                second,
                t.path("sliding_window").asInt(0),
                t.get("rope_theta").asDouble(),
                t.get("rms_norm_eps").asDouble())
            // The numbers of case 3b are those of transformers up to 4.52.
            .withWindowCutsPrefix(true));
  }

  private String huggingFaceName(String ours) {
    boolean second = config.language().postNorms();
    return ours.replaceFirst("^vision/embedding/kernel$", "V.embeddings.patch_embedding.weight")
        .replaceFirst("^vision/embedding/bias$", "V.embeddings.patch_embedding.bias")
        .replaceFirst("^vision/position_embedding$", "V.embeddings.position_embedding.weight")
        .replaceFirst("^vision/norm/", "V.post_layernorm.")
        .replaceFirst("^vision/blocks/", "V.encoder.layers.")
        .replaceFirst("/norm([12])/", ".layer_norm$1.")
        .replaceFirst("/attention/query/", ".self_attn.q_proj.")
        .replaceFirst("/attention/key/", ".self_attn.k_proj.")
        .replaceFirst("/attention/value/", ".self_attn.v_proj.")
        .replaceFirst(
            "/attention/out/",
            ours.startsWith("vision/") ? ".self_attn.out_proj." : ".self_attn.o_proj.")
        .replaceFirst("/mlp/in/", ".mlp.fc1.")
        .replaceFirst("/mlp/out/", ".mlp.fc2.")
        .replaceFirst("/mlp/(gate|up|down)/", ".mlp.$1_proj.")
        .replaceFirst("^connector/", "multi_modal_projector.linear.")
        .replaceFirst("^language/embedding$", "L.embed_tokens.weight")
        .replaceFirst("^language/norm/", "L.norm.")
        .replaceFirst("^language/blocks/", "L.layers.")
        .replaceFirst("/attention_norm/", ".input_layernorm.")
        .replaceFirst("/post_attention_norm/", ".post_attention_layernorm.")
        .replaceFirst(
            "/mlp_norm/", second ? ".pre_feedforward_layernorm." : ".post_attention_layernorm.")
        .replaceFirst("/post_mlp_norm/", ".post_feedforward_layernorm.")
        .replaceFirst("(kernel|scale|\\bw)$", "weight")
        .replaceFirst("^V\\.", "vision_tower.vision_model.")
        .replaceFirst("^L\\.", "language_model.model.");
  }

  public static JsonNode json(String path) {
    try (InputStream in = open(path)) {
      return JSON.readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** All tensors of a file: an 8-byte header length, a JSON header, the data. */
  public static Tensors safetensors(String path) {
    try (InputStream in = open(path)) {
      ByteBuffer file = ByteBuffer.wrap(in.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
      int headerLength = Math.toIntExact(file.getLong());
      JsonNode header =
          JSON.readTree(new String(file.array(), 8, headerLength, StandardCharsets.UTF_8));
      Map<String, Tensor> tensors = new HashMap<>();
      header
          .properties()
          .forEach(
              entry -> {
                if (!entry.getKey().equals("__metadata__")) {
                  tensors.put(entry.getKey(), tensor(file, 8 + headerLength, entry.getValue()));
                }
              });
      return new Tensors(tensors);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Tensor tensor(ByteBuffer file, int dataStart, JsonNode entry) {
    long[] shape = JSON.convertValue(entry.get("shape"), long[].class);
    int size = 1;
    for (long dimension : shape) {
      size *= (int) dimension;
    }
    int at = dataStart + entry.at("/data_offsets/0").asInt();
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] =
          switch (entry.get("dtype").asText()) {
            case "F32" -> file.getFloat(at + 4 * i);
            case "I32" -> file.getInt(at + 4 * i);
            case "U8" -> file.get(at + i) & 0xff;
            default -> throw new IllegalArgumentException("type of " + entry);
          };
    }
    return new Tensor(shape, values);
  }

  private static InputStream open(String path) {
    InputStream in = Golden.class.getResourceAsStream("/golden/" + path);
    if (in == null) {
      throw new IllegalArgumentException("no reference file " + path);
    }
    return in;
  }
}
