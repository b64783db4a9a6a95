package dev.palimpsest.checkpoints.published;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException.Kind;
import dev.palimpsest.checkpoints.tensors.SafetensorsFile;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The contents of a Hugging Face PaliGemma's {@code config.json}. Files on the Hub omit values that
 * equal the default of their configuration class; those defaults are filled in here (transformers,
 * models/{paligemma,siglip,gemma,gemma2}/configuration_*.py).
 *
 * @param model sizes; the vocabulary does not include the rows that were added for {@code <image>}
 *     and as padding
 * @param resolution side of the pictures, in pixels
 * @param imageToken id of image tokens in texts
 */
public record HuggingFaceConfig(ModelConfig model, int resolution, int imageToken) {
  /**
   * Our own field in an exported config: the number of trained embedding rows, because padding to a
   * multiple of 64 does not always reveal it.
   */
  static final String TRAINED_VOCABULARY = "trained_vocab_size";

  /** Our own field: {@link LanguageConfig#windowCutsPrefix}, written if it is true. */
  static final String WINDOW_CUTS_PREFIX = "sliding_window_cuts_prefix";

  /** Rows are padded to a multiple of this, and {@code <image>} is the first of the padding. */
  static final int VOCABULARY_MULTIPLE = 64;

  /** Names of one function, x times the tanh form of the normal distribution's integral. */
  private static final List<String> TANH_GELU =
      List.of("gelu_pytorch_tanh", "gelu_new", "gelu_fast");

  /**
   * Reads a file, or {@code config.json} of a folder. A folder's vocabulary ends with the last
   * token of its tokenizer, not counting {@code <image>}; without a tokenizer it is the config's,
   * less padding.
   *
   * @throws CheckpointFormatException when it is not a PaliGemma config
   * @throws InvalidConfigException when it asks for something that this model does not support, or
   *     its sizes are impossible
   * @throws UncheckedIOException when it cannot be read
   */
  public static HuggingFaceConfig read(Path path) {
    SafetensorsFile.refuseAdapter(path);
    Path file = Files.isDirectory(path) ? path.resolve("config.json") : path;
    JsonNode root = ConfigSection.json(file);
    if (!root.path("model_type").asText().equals("paligemma")) {
      throw new CheckpointFormatException(
          Kind.FOREIGN,
          file,
          "has model_type %s, expected paligemma".formatted(root.path("model_type")));
    }
    List<Problem> problems = new ArrayList<>();
    ConfigSection visionConfigSection =
        new ConfigSection(root.path("vision_config"), "vision_config", problems);
    VisionConfig vision = vision(root, visionConfigSection);
    LanguageConfig language =
        language(root, new ConfigSection(root.path("text_config"), "text_config", problems));
    int resolution = visionConfigSection.integer("image_size", 224);
    ConfigSection rootConfigSection = new ConfigSection(root, "", problems);
    boolean placed = root.hasNonNull("image_token_index") || root.hasNonNull("image_token_id");
    int imageToken =
        rootConfigSection.integer(
            "image_token_index", rootConfigSection.integer("image_token_id", 256_000));
    int trained = 0;
    if (problems.isEmpty()) {
      trained =
          Files.isDirectory(path)
              ? trainedRows(
                  path, rootConfigSection, language.vocabulary(), placed ? imageToken : -1)
              : trainedRows(rootConfigSection, language.vocabulary(), imageToken);
    }
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(
          problems.stream().map(p -> p.under(file.toString())).toList());
    }
    return new HuggingFaceConfig(
        new ModelConfig(vision, language.withVocabulary(trained)), resolution, imageToken);
  }

  /** Rows without those of {@code <image>} and of padding, as far as the config alone shows. */
  private static int trainedRows(ConfigSection root, int rows, int imageToken) {
    boolean padded =
        imageToken % VOCABULARY_MULTIPLE == 0 && rows == imageToken + VOCABULARY_MULTIPLE;
    return root.integer(TRAINED_VOCABULARY, padded ? imageToken : rows);
  }

  /**
   * The number of trained rows according to the folder's tokenizer: transformers adds tokens after
   * {@code <image>}, in rows that were padding. If our own export's field is larger, it counts, for
   * models with more rows than ids.
   *
   * @param stated rows according to the config; those of the weights are decisive
   * @param imageToken -1 if the config does not say
   */
  private static int trainedRows(Path folder, ConfigSection root, int stated, int imageToken) {
    int rows = Math.toIntExact(embeddingRows(folder).orElse(stated));
    Optional<TokenizerIds> found = TokenizerIds.of(folder);
    if (found.isEmpty()) {
      return trainedRows(root, rows, imageToken);
    }
    TokenizerIds ids = found.get();
    SourceFacts facts = new SourceFacts(false, ids.last() + 1, ids.lastInWords());
    if (ids.last() >= rows) {
      root.problem("", facts.tooFewRows(rows));
    } else if (imageToken >= 0
        && (ids.image() >= 0 ? ids.image() != imageToken : ids.last() + 1 < imageToken)) {
      root.problem(
          "image_token_index",
          "is %d, but the tokenizer has %s and tokens up to %s; it is not this model's"
              .formatted(
                  imageToken,
                  ids.image() >= 0 ? "<image> at " + ids.image() : "no <image>",
                  ids.lastInWords()));
    }
    int trained = root.integer(TRAINED_VOCABULARY, 0);
    return trained <= rows ? Math.max(trained, ids.last() + 1) : ids.last() + 1;
  }

  /** Rows of the embedding in the folder's weights; only the files' headers are read. */
  private static OptionalInt embeddingRows(Path folder) {
    if (!SafetensorsFile.isIn(folder)) {
      return OptionalInt.empty();
    }
    try (SafetensorsFile file = SafetensorsFile.open(folder)) {
      return new StoredNames(file.names())
          .embedding()
          .map(name -> file.shape(name).getShape())
          .filter(shape -> shape.length == 2 && shape[0] > 0 && shape[0] <= Integer.MAX_VALUE)
          .map(shape -> OptionalInt.of((int) shape[0]))
          .orElse(OptionalInt.empty());
    }
  }

  /**
   * Settings of a tower's or a model's config that this program does not support.
   *
   * @param config config.json of a PaliGemma, SigLIP or Gemma
   */
  static List<Problem> unsupported(Path config, boolean withVision, boolean withLanguage) {
    JsonNode root = ConfigSection.json(config);
    List<Problem> problems = new ArrayList<>();
    if (withVision) {
      vision(root, tower(root, "vision_config", problems));
    }
    if (withLanguage) {
      language(root, tower(root, "text_config", problems));
    }
    return problems.stream().map(p -> p.under(config.toString())).toList();
  }

  /** The section of a whole model's config, or the config of a tower, which has no sections. */
  private static ConfigSection tower(JsonNode root, String section, List<Problem> problems) {
    return root.has(section)
        ? new ConfigSection(root.get(section), section, problems)
        : new ConfigSection(root, "", problems);
  }

  /** Whether a config says that the output table is not the embedding. */
  static boolean untied(Path config) {
    JsonNode root = ConfigSection.json(config);
    return !root.path("tie_word_embeddings").asBoolean(true)
        || !root.path("text_config").path("tie_word_embeddings").asBoolean(true);
  }

  /**
   * Contradictions between a source's config and the model that the weights alone would not show.
   *
   * @param config config.json of a PaliGemma, SigLIP or Gemma, with no {@link #unsupported}
   *     settings
   */
  static List<Problem> differences(
      Path config, ModelConfig model, boolean withVision, boolean withLanguage) {
    JsonNode root = ConfigSection.json(config);
    List<Problem> problems = new ArrayList<>();
    if (withVision) {
      VisionConfig theirs = vision(root, tower(root, "vision_config", problems));
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
      LanguageConfig theirs = language(root, tower(root, "text_config", problems));
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

  /** Defaults are SiglipVisionConfig's or, if the section is absent, PaliGemmaConfig's own. */
  private static VisionConfig vision(JsonNode root, ConfigSection node) {
    boolean absent = node.absent();
    node.oneOf("model_type", "siglip_vision_model", List.of("siglip_vision_model", "siglip"));
    node.oneOf("hidden_act", "gelu_pytorch_tanh", TANH_GELU);
    node.oneOf("num_channels", "3", List.of("3"));
    refuseQuantised(root, node);
    try {
      return new VisionConfig(
          node.integer("hidden_size", absent ? 1152 : 768),
          node.depth(absent ? 27 : 12),
          node.integer("intermediate_size", absent ? 4096 : 3072),
          node.integer("num_attention_heads", absent ? 16 : 12),
          node.integer("patch_size", absent ? 14 : 16),
          node.real("layer_norm_eps", 1e-6));
    } catch (InvalidConfigException e) {
      e.problems().forEach(p -> node.problem("", p.toString()));
      return new VisionConfig(1, 1, 1, 1, 1, 1e-6);
    }
  }

  /** Defaults are the class's own or, if the section is absent, PaliGemmaConfig's. */
  private static LanguageConfig language(JsonNode root, ConfigSection node) {
    boolean absent = node.absent();
    String type = node.value("model_type").asText("gemma");
    boolean gemma2 = type.equals("gemma2");
    node.oneOf("model_type", "gemma", List.of("gemma", "gemma2"));
    node.oneOf("hidden_activation", "gelu_pytorch_tanh", TANH_GELU);
    // The first Gemma files say "gelu"; transformers computes the tanh form anyway.
    List<String> legacy = new ArrayList<>(TANH_GELU);
    legacy.add("gelu");
    node.oneOf("hidden_act", "gelu_pytorch_tanh", legacy);
    node.oneOf("attention_bias", "false", List.of("false"));
    boolean whole = root.path("model_type").asText().equals("paligemma");
    node.oneOf(
        "use_bidirectional_attention", "true", whole ? List.of("true") : List.of("true", "false"));
    refuseQuantised(root, node);
    int headDim = node.integer("head_dim", 256);
    int window = gemma2 ? window(node) : 0;
    try {
      return new LanguageConfig(
              node.integer(
                  "vocab_size",
                  absent
                      ? new ConfigSection(root, "", node.problems()).integer("vocab_size", 257_152)
                      : 256_000),
              node.integer("hidden_size", absent ? 2048 : gemma2 ? 2304 : 3072),
              node.depth(absent ? 18 : gemma2 ? 26 : 28),
              node.integer("intermediate_size", absent ? 16_384 : gemma2 ? 9216 : 24_576),
              node.integer("num_attention_heads", absent || gemma2 ? 8 : 16),
              node.integer("num_key_value_heads", absent ? 1 : gemma2 ? 4 : 16),
              headDim,
              gemma2 ? node.real("query_pre_attn_scalar", 256) : headDim,
              gemma2 ? node.real("attn_logit_softcapping", 50) : 0,
              gemma2 ? node.real("final_logit_softcapping", 30) : 0,
              gemma2,
              window,
              ropeTheta(node),
              node.real("rms_norm_eps", 1e-6))
          .withWindowCutsPrefix(node.value(WINDOW_CUTS_PREFIX).asBoolean());
    } catch (InvalidConfigException e) {
      e.problems().forEach(p -> node.problem("", p.toString()));
      return new LanguageConfig(1, 1, 1, 1, 1, 1, 2, 1, 0, 0, false, 0, 1, 1e-6);
    }
  }

  private static void refuseQuantised(JsonNode root, ConfigSection node) {
    if (root.hasNonNull("quantization_config") || node.value("quantization_config").isObject()) {
      node.problem("quantization_config", "is not supported; save the model without quantisation");
    }
  }

  /** The window of even layers; 0 if it hides nothing or no layer has one. */
  private static int window(ConfigSection node) {
    int window = node.integer("sliding_window", 4096, 0);
    if (window >= node.integer("max_position_embeddings", 8192)) {
      window = 0;
    }
    JsonNode types = node.value("layer_types");
    if (window == 0 || types.isMissingNode() || types.isNull()) {
      return window;
    }
    int sliding = 0;
    boolean alternating = types.isArray();
    for (int i = 0; i < types.size(); i++) {
      String expected = i % 2 == 0 ? "sliding_attention" : "full_attention";
      alternating &= types.get(i).asText().equals(expected);
      sliding += types.get(i).asText().equals("full_attention") ? 0 : 1;
    }
    if (!alternating && (sliding > 0 || !types.isArray())) {
      node.problem(
          "layer_types",
          "must alternate, sliding_attention first, as in Gemma 2, or be full_attention throughout;"
              + " got "
              + ConfigSection.shortened(types));
    }
    return sliding == 0 ? 0 : window;
  }

  private static double ropeTheta(ConfigSection node) {
    JsonNode stated = node.value("rope_theta");
    double theta = node.real("rope_theta", 10_000);
    for (String field : List.of("rope_scaling", "rope_parameters")) {
      JsonNode rope = node.value(field);
      if (rope.isMissingNode() || rope.isNull()) {
        continue;
      }
      String type = rope.path("rope_type").asText(rope.path("type").asText("default"));
      boolean whole = rope.path("partial_rotary_factor").asDouble(1) == 1;
      boolean nested =
          !rope.isObject() || rope.properties().stream().anyMatch(e -> e.getValue().isObject());
      if (!type.equals("default") || !whole || nested) {
        node.problem(
            field,
            "asks for rotary positions of a kind other than the default, which is the only one supported;"
                + " got "
                + ConfigSection.shortened(rope));
      } else if (rope.hasNonNull("rope_theta")) {
        double own = new ConfigSection(rope, field, node.problems()).real("rope_theta", theta);
        if (stated.isNumber() && own != theta) {
          node.problem(field, "has rope_theta %s, beside it %s".formatted(own, theta));
        }
        theta = own;
      }
    }
    if (node.real("partial_rotary_factor", 1) != 1) {
      node.problem("partial_rotary_factor", "must be 1, because the whole of a head is rotated");
    }
    return theta;
  }
}
