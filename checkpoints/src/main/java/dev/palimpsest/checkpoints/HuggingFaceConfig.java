package dev.palimpsest.checkpoints;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.palimpsest.checkpoints.CheckpointFormatException.Kind;
import dev.palimpsest.configs.InvalidConfigException;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Problem;
import dev.palimpsest.configs.VisionConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * What a Hugging Face PaliGemma's {@code config.json} says. Files on the Hub leave out what equals
 * the default of their configuration class; those defaults are filled in here (transformers,
 * models/{paligemma,siglip,gemma,gemma2}/configuration_*.py).
 *
 * @param model sizes; the vocabulary without the rows that were added for {@code <image>} and as
 *     padding
 * @param resolution side of the pictures, in pixels
 * @param imageToken id that stands for image tokens in texts
 */
public record HuggingFaceConfig(ModelConfig model, int resolution, int imageToken) {
  /**
   * Field of ours in an exported config: embedding rows that were trained, since padding to a
   * multiple of 64 does not always tell.
   */
  static final String TRAINED_VOCABULARY = "trained_vocab_size";

  /** Field of ours: {@link LanguageConfig#windowCutsPrefix}, written where it is true. */
  static final String WINDOW_CUTS_PREFIX = "sliding_window_cuts_prefix";

  /** Rows are padded to a multiple of this, and {@code <image>} is the first of the padding. */
  static final int VOCABULARY_MULTIPLE = 64;

  static final ObjectMapper JSON = JsonMapper.builder().build();

  /**
   * Reads a file, or {@code config.json} of a folder.
   *
   * @throws CheckpointFormatException when it is no PaliGemma config
   * @throws InvalidConfigException when it asks for what this model does not do, or its sizes
   *     cannot be
   * @throws UncheckedIOException when it cannot be read
   */
  public static HuggingFaceConfig read(Path path) {
    Path file = Files.isDirectory(path) ? path.resolve("config.json") : path;
    JsonNode root = json(file);
    if (!root.path("model_type").asText().equals("paligemma")) {
      throw new CheckpointFormatException(
          Kind.FOREIGN,
          file,
          "has model_type %s, expected paligemma".formatted(root.path("model_type")));
    }
    List<Problem> problems = new ArrayList<>();
    JsonNode visionNode = root.path("vision_config");
    JsonNode languageNode = root.path("text_config");
    VisionConfig vision = vision(visionNode, problems);
    LanguageConfig language = language(languageNode, root, problems);
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(
          problems.stream().map(p -> p.under(file.toString())).toList());
    }
    int imageToken = integer(root, "image_token_index", integer(root, "image_token_id", 256_000));
    int rows = language.vocabulary();
    boolean padded =
        imageToken % VOCABULARY_MULTIPLE == 0 && rows == imageToken + VOCABULARY_MULTIPLE;
    int trained = integer(root, TRAINED_VOCABULARY, padded ? imageToken : rows);
    return new HuggingFaceConfig(
        new ModelConfig(vision, language.withVocabulary(trained)),
        integer(visionNode, "image_size", 224),
        imageToken);
  }

  /**
   * What weights alone would not tell: facts of a source's config that contradict the model.
   *
   * @param config config.json of a PaliGemma, SigLIP or Gemma
   */
  static List<Problem> differences(
      Path config, ModelConfig model, boolean withVision, boolean withLanguage) {
    JsonNode root = json(config);
    List<Problem> problems = new ArrayList<>();
    if (withVision) {
      JsonNode node = root.has("vision_config") ? root.get("vision_config") : root;
      VisionConfig theirs = vision(node, problems);
      VisionConfig ours = model.vision();
      compare(problems, "num_attention_heads", theirs.heads(), "vision.heads", ours.heads());
      compare(
          problems,
          "layer_norm_eps",
          theirs.normEpsilon(),
          "vision.normEpsilon",
          ours.normEpsilon());
    }
    if (withLanguage) {
      JsonNode node = root.has("text_config") ? root.get("text_config") : root;
      LanguageConfig theirs = language(node, root, problems);
      LanguageConfig ours = model.language();
      compare(problems, "num_attention_heads", theirs.heads(), "language.heads", ours.heads());
      compare(
          problems,
          "num_key_value_heads",
          theirs.keyValueHeads(),
          "language.keyValueHeads",
          ours.keyValueHeads());
      compare(
          problems,
          "the query scalar",
          theirs.queryScalar(),
          "language.queryScalar",
          ours.queryScalar());
      compare(problems, "rope_theta", theirs.ropeTheta(), "language.ropeTheta", ours.ropeTheta());
      compare(
          problems,
          "rms_norm_eps",
          theirs.normEpsilon(),
          "language.normEpsilon",
          ours.normEpsilon());
    }
    return problems.stream().map(p -> p.under(config.toString())).toList();
  }

  private static void compare(
      List<Problem> problems, String field, double theirs, String ourField, double ours) {
    if (theirs != ours) {
      problems.add(
          new Problem(
              "", "%s is %s, but %s of the model is %s".formatted(field, theirs, ourField, ours)));
    }
  }

  private static VisionConfig vision(JsonNode node, List<Problem> problems) {
    expect(problems, node, "hidden_act", "gelu_pytorch_tanh", "gelu_pytorch_tanh");
    expect(problems, node, "num_channels", "3", "3");
    boolean absent = node.isMissingNode() || node.isNull(); // PaliGemmaConfig's own default
    return new VisionConfig(
        integer(node, "hidden_size", absent ? 1152 : 768),
        integer(node, "num_hidden_layers", absent ? 27 : 12),
        integer(node, "intermediate_size", absent ? 4304 : 3072),
        integer(node, "num_attention_heads", absent ? 16 : 12),
        integer(node, "patch_size", absent ? 14 : 16),
        real(node, "layer_norm_eps", 1e-6));
  }

  private static LanguageConfig language(JsonNode node, JsonNode root, List<Problem> problems) {
    boolean absent = node.isMissingNode() || node.isNull(); // PaliGemmaConfig's own default
    String type = node.path("model_type").asText("gemma");
    boolean gemma2 = type.equals("gemma2");
    if (!gemma2 && !type.equals("gemma")) {
      problems.add(new Problem("text_config.model_type", "must be gemma or gemma2, got " + type));
    }
    // "gelu" stands in some Gemma 1 files by mistake; the weights were trained with the tanh form.
    expect(problems, node, "hidden_activation", "gelu_pytorch_tanh", "gelu_pytorch_tanh", "gelu");
    expect(problems, node, "attention_bias", "false", "false");
    expect(problems, node, "tie_word_embeddings", "true", "true");
    int headDim = integer(node, "head_dim", 256);
    int window = gemma2 ? integer(node, "sliding_window", 4096, 0) : 0;
    JsonNode rope = node.path("rope_parameters"); // where transformers 5 keeps rope_theta
    return new LanguageConfig(
        integer(node, "vocab_size", absent ? integer(root, "vocab_size", 257_152) : 256_000),
        integer(node, "hidden_size", absent ? 2048 : gemma2 ? 2304 : 3072),
        integer(node, "num_hidden_layers", absent ? 18 : gemma2 ? 26 : 28),
        integer(node, "intermediate_size", absent ? 16_384 : gemma2 ? 9216 : 24_576),
        integer(node, "num_attention_heads", absent || gemma2 ? 8 : 16),
        integer(node, "num_key_value_heads", absent ? 1 : gemma2 ? 4 : 16),
        headDim,
        gemma2 ? real(node, "query_pre_attn_scalar", 256) : headDim,
        gemma2 ? real(node, "attn_logit_softcapping", 50) : 0,
        gemma2 ? real(node, "final_logit_softcapping", 30) : 0,
        gemma2,
        window >= integer(node, "max_position_embeddings", 8192) ? 0 : window,
        node.path(WINDOW_CUTS_PREFIX).asBoolean(),
        real(node, "rope_theta", real(rope, "rope_theta", 10_000)),
        real(node, "rms_norm_eps", 1e-6));
  }

  private static void expect(
      List<Problem> problems, JsonNode node, String field, String standard, String... accepted) {
    String found = node.path(field).asText(standard);
    if (node.hasNonNull(field) && !List.of(accepted).contains(found)) {
      problems.add(new Problem(field, "must be %s, got %s".formatted(accepted[0], found)));
    }
  }

  /** Absent means the default. */
  private static int integer(JsonNode node, String field, int standard) {
    return integer(node, field, standard, standard);
  }

  private static int integer(JsonNode node, String field, int absent, int none) {
    JsonNode value = node.path(field);
    return value.isMissingNode() ? absent : value.isNull() ? none : value.asInt();
  }

  /** Absent means the default, null means none. */
  private static double real(JsonNode node, String field, double standard) {
    JsonNode value = node.path(field);
    return value.isMissingNode() ? standard : value.asDouble(0);
  }

  private static JsonNode json(Path file) {
    try {
      return Objects.requireNonNull(JSON.readTree(Files.readAllBytes(file)));
    } catch (JsonProcessingException e) {
      throw new CheckpointFormatException(
          Kind.CORRUPT, file, "is not JSON: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": " + e.getMessage(), e);
    }
  }
}
