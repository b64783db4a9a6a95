package dev.palimpsest.checkpoints.published;

import dev.palimpsest.checkpoints.published.WeightMapping.Landmarks;
import dev.palimpsest.checkpoints.published.WeightMapping.Part;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The names in a Hugging Face file without the components that wrappers add: {@code module} (data
 * parallel), {@code _orig_mod} (torch.compile), and those of sharding and recomputation, in any
 * position.
 */
final class StoredNames {
  private static final Set<String> WRAPPERS =
      Set.of("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module");

  /** Prefixes of the same part in files of several kinds and ages; the usual one first. */
  private static final Map<Part, List<String>> PREFIXES =
      Map.of(
          Part.VISION,
          List.of(
              "vision_tower.vision_model",
              "model.vision_tower.vision_model",
              "vision_tower", // transformers 5
              "model.vision_tower",
              "vision_model", // SiglipModel
              "model.vision_model",
              ""), // SiglipVisionModel of transformers 5
          Part.CONNECTOR,
          List.of("multi_modal_projector.linear", "model.multi_modal_projector.linear"),
          Part.LANGUAGE,
          List.of(
              "language_model.model",
              "model.language_model",
              "model.language_model.model",
              "language_model", // PaliGemmaModel
              "model", // GemmaForCausalLM
              "")); // GemmaModel

  /** Tensors of which every decoder has at least one, at any depth. */
  private static final List<String> LANGUAGE_KEYS =
      List.of("embed_tokens.weight", "layers.0.input_layernorm.weight");

  private static final String LANGUAGE_BLOCKS = "layers";

  private static final Map<Part, String> WORDS =
      Map.of(Part.VISION, "image tower", Part.CONNECTOR, "connector", Part.LANGUAGE, "decoder");

  private final Map<String, String> stored = new LinkedHashMap<>();
  private final TreeSet<String> twice = new TreeSet<>();
  private final Landmarks tower;

  /** The names of a decoder. */
  StoredNames(Set<String> names) {
    this(names, new Landmarks(Map.of(), Optional.empty()));
  }

  /** The names of a model with an image tower, or of one of its parts. */
  StoredNames(Set<String> names, Landmarks tower) {
    this.tower = tower;
    for (String name : names) {
      if (stored.putIfAbsent(bare(name), name) != null) {
        twice.add(bare(name));
      }
    }
  }

  private static String bare(String name) {
    return Arrays.stream(name.split("[.]", -1))
        .filter(component -> !WRAPPERS.contains(component))
        .collect(Collectors.joining("."));
  }

  /** All bare names, in the order of the file. */
  Set<String> all() {
    return stored.keySet();
  }

  /** The name in the file. */
  @Nullable String inFile(String bare) {
    return stored.get(bare);
  }

  /** Uses one tensor in place of another that is missing. */
  void alias(String bare, String other) {
    stored.put(bare, Objects.requireNonNull(stored.remove(other), other));
  }

  /** The prefix of a part's names. */
  Optional<String> prefix(Part part) {
    return keys(part).stream()
        .flatMap(
            key -> prefixes(part).stream().filter(prefix -> stored.containsKey(join(prefix, key))))
        .findFirst();
  }

  /** The file's name of the embedding, or of the output table if only that is there. */
  Optional<String> embedding() {
    return prefix(Part.LANGUAGE)
        .map(prefix -> stored.get(join(prefix, "embed_tokens.weight")))
        .or(() -> outputTable().map(stored::get));
  }

  /** The bare name of the output table. */
  Optional<String> outputTable() {
    return stored.keySet().stream().filter(n -> n.matches("(.*[.])?lm_head[.]weight")).findFirst();
  }

  private static List<String> prefixes(Part part) {
    return Objects.requireNonNull(PREFIXES.get(part));
  }

  /** Tensors by which a part is recognised. */
  private List<String> keys(Part part) {
    return part == Part.LANGUAGE
        ? LANGUAGE_KEYS
        : List.of(Objects.requireNonNull(tower.first().get(part)));
  }

  /** What precedes the numbers of a part's blocks; empty where it repeats none. */
  Optional<String> beforeBlocks(Part part) {
    return part == Part.LANGUAGE ? Optional.of(LANGUAGE_BLOCKS) : tower.blocks();
  }

  static String join(String prefix, String name) {
    return prefix.isEmpty() ? name : prefix + "." + name;
  }

  /** Number of a part's blocks, found from the numbers in their names. */
  int blocks(Part part, String prefix) {
    String start = join(prefix, beforeBlocks(part).orElseThrow()) + ".";
    int blocks = 0;
    for (String name : stored.keySet()) {
      int end = name.indexOf('.', start.length());
      if (name.startsWith(start) && end > 0) {
        String number = name.substring(start.length(), end);
        if (number.matches("[0-9]{1,6}")) {
          blocks = Math.max(blocks, Integer.parseInt(number) + 1);
        }
      }
    }
    return blocks;
  }

  /** Why no parameter can be found at all, in one line; empty if each part has its names. */
  Optional<String> obstacle(Set<Part> parts) {
    if (!twice.isEmpty()) {
      return Optional.of(
          "names more than one tensor %s after the wrappers' prefixes are removed"
              .formatted(twice.first()));
    }
    if (stored.keySet().stream().anyMatch(StoredNames::isAdapter)) {
      return Optional.of(CheckpointFormatException.ADAPTER);
    }
    Optional<String> quantised =
        stored.keySet().stream()
            .filter(name -> name.matches(".*[.](quant_state|absmax|quant_map|SCB|qweight)([.].*)?"))
            .findFirst();
    if (quantised.isPresent()) {
      return Optional.of(
          "is quantised (it contains %s); save the model without quantisation"
              .formatted(quantised.get()));
    }
    String missing =
        parts.stream()
            .sorted()
            .filter(part -> prefix(part).isEmpty())
            .map(this::wanted)
            .collect(Collectors.joining("; "));
    return missing.isEmpty()
        ? Optional.empty()
        : Optional.of("its names begin with %s; expected %s".formatted(found(parts), missing));
  }

  private static boolean isAdapter(String name) {
    return name.contains(".lora_A.")
        || name.contains(".lora_B.")
        || name.contains("lora_magnitude");
  }

  private String wanted(Part part) {
    return "%s for the %s"
        .formatted(
            prefixes(part).stream()
                .map(prefix -> join(prefix, keys(part).get(0)))
                .collect(Collectors.joining(" or ")),
            WORDS.get(part));
  }

  /**
   * The prefixes of tensors that belong to these parts, or else the first components of all names.
   */
  private String found(Set<Part> parts) {
    TreeSet<String> found = new TreeSet<>();
    for (String name : stored.keySet()) {
      for (Part part : parts) {
        String key = "." + keys(part).get(0);
        if (part != Part.CONNECTOR && prefix(part).isEmpty() && name.endsWith(key)) {
          found.add("'" + name.substring(0, name.length() - key.length() + 1) + "'");
        }
      }
    }
    if (found.isEmpty()) {
      stored.keySet().forEach(name -> found.add("'" + name.split("[.]", 2)[0] + "'"));
    }
    String shown = found.stream().limit(4).collect(Collectors.joining(", "));
    return found.isEmpty() ? "nothing" : found.size() > 4 ? shown + ", ..." : shown;
  }
}
