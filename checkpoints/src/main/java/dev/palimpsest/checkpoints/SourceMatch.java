package dev.palimpsest.checkpoints;

import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.WeightMapping.Part;
import dev.palimpsest.checkpoints.WeightMapping.Row;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Problem;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A source laid against the table of names: where each of our parameters lies in it, and what is
 * missing, of another shape, or left over. Only descriptions are looked at, no data but that of a
 * tied output table.
 */
final class SourceMatch {
  /** Prefixes by which Hugging Face files of several kinds and ages call the same part. */
  private static final Map<Part, List<String>> PREFIXES =
      Map.of(
          Part.VISION,
          List.of(
              "vision_tower.vision_model",
              "model.vision_tower.vision_model",
              "vision_model"), // SiglipModel
          Part.CONNECTOR,
          List.of("multi_modal_projector.linear", "model.multi_modal_projector.linear"),
          Part.LANGUAGE,
          List.of(
              "language_model.model",
              "model.language_model",
              "model")); // the last: GemmaForCausalLM

  private static final Map<Part, String> KEY_TENSOR =
      Map.of(
          Part.VISION, ".embeddings.patch_embedding.weight",
          Part.CONNECTOR, ".weight",
          Part.LANGUAGE, ".embed_tokens.weight");

  /** Surplus embedding rows beyond this are not taken for padding. */
  private static final long MAX_PADDING_ROWS = 128;

  final Map<String, Place> places = new LinkedHashMap<>();
  final List<Problem> problems = new ArrayList<>();
  final List<String> notes = new ArrayList<>();

  private final TensorSource source;
  private final Map<String, Shape> specs;
  private final Set<String> used = new HashSet<>();
  private final Map<String, Integer> dropped = new TreeMap<>();

  /**
   * Where a parameter lies.
   *
   * @param tensor name in the source
   * @param firstElement first element of the part within the tensor
   * @param foreign the part's shape in the source
   * @param form how its axes become ours
   * @param shape our shape, with the source's own number of rows where that may differ
   */
  record Place(
      TensorSource source,
      String tensor,
      long firstElement,
      Shape foreign,
      Rearrangement form,
      Shape shape) {}

  /**
   * Matches.
   *
   * @param specs our shapes of at least the parts wanted
   */
  SourceMatch(TensorSource source, ModelConfig model, Map<String, Shape> specs, Set<Part> parts) {
    this.source = source;
    this.specs = specs;
    if (source instanceof NpzFile) {
      matchBigVision(model, parts);
    } else {
      matchHuggingFace(model, parts);
    }
  }

  private void matchBigVision(ModelConfig model, Set<Part> parts) {
    String prefix = source.names().stream().allMatch(n -> n.startsWith("params/")) ? "params/" : "";
    boolean unrolled =
        source.names().stream().anyMatch(n -> n.contains("/Transformer/encoderblock_"));
    match(WeightMapping.bigVision(model, parts, unrolled), prefix);
    for (String name : leftOver()) {
      String bare = name.substring(prefix.length());
      if (parts.contains(Part.VISION) && bare.startsWith("img/MAPHead_0/")) {
        drop("img/MAPHead_0/*");
      } else if (parts.equals(Set.of(Part.VISION)) && bare.startsWith("txt/")) {
        drop("txt/*");
      } else if (parts.equals(Set.of(Part.VISION)) && (bare.equals("t") || bare.equals("b"))) {
        drop(bare);
      } else {
        unexpected(name);
      }
    }
    noteDropped();
  }

  private void matchHuggingFace(ModelConfig model, Set<Part> parts) {
    Map<Part, String> prefixes = new EnumMap<>(Part.class);
    for (Part part : parts) {
      List<String> known = Objects.requireNonNull(PREFIXES.get(part));
      prefixes.put(
          part,
          known.stream()
              .filter(p -> source.contains(p + KEY_TENSOR.get(part)))
              .findFirst()
              .orElse(known.get(parts.size() == 1 ? known.size() - 1 : 0)));
    }
    match(WeightMapping.huggingFace(model, prefixes), "");
    String vision = prefixes.get(Part.VISION);
    for (String name : leftOver()) {
      if (vision != null && name.startsWith(vision + ".head.")) {
        drop(vision + ".head.*");
      } else if (parts.equals(Set.of(Part.VISION)) && name.startsWith("text_model.")) {
        drop("text_model.*");
      } else if (parts.equals(Set.of(Part.VISION))
          && (name.equals("logit_scale") || name.equals("logit_bias"))) {
        drop(name);
      } else if (name.endsWith(".position_ids") || name.endsWith(".rotary_emb.inv_freq")) {
        drop(name); // buffers that early versions saved; they follow from the sizes
      } else if (parts.contains(Part.LANGUAGE) && name.endsWith("lm_head.weight")) {
        dropTied(name, prefixes.get(Part.LANGUAGE) + KEY_TENSOR.get(Part.LANGUAGE));
      } else {
        unexpected(name);
      }
    }
    noteDropped();
  }

  private List<String> leftOver() {
    return source.names().stream().filter(n -> !used.contains(n)).toList();
  }

  private void match(List<Row> rows, String prefix) {
    Map<String, List<Integer>> leading = new LinkedHashMap<>(); // sizes of the indexed axes
    for (Row row : rows) {
      leading.merge(
          row.foreign(),
          row.index().stream().map(i -> i + 1).toList(),
          (a, b) -> {
            List<Integer> larger = new ArrayList<>();
            for (int i = 0; i < a.size(); i++) {
              larger.add(Math.max(a.get(i), b.get(i)));
            }
            return larger;
          });
    }
    Set<String> reported = new HashSet<>();
    for (Row row : rows) {
      String tensor = prefix + row.foreign();
      Shape ours = specs.get(row.ours());
      if (ours == null) {
        throw new IllegalStateException("the table of names has no such parameter: " + row);
      }
      List<Integer> axes = leading.getOrDefault(row.foreign(), List.of());
      if (!source.contains(tensor)) {
        if (reported.add(tensor)) {
          problem(
              "%s is missing; expected %s for %s"
                  .formatted(
                      tensor, whole(axes, row.foreignShape(row.written(), ours)), row.ours()));
        }
        continue;
      }
      used.add(tensor);
      TensorInfo info = source.info(tensor);
      Place place = info.type().isFloating() ? place(row, info, axes, ours) : null;
      if (place != null) {
        places.put(row.ours(), place);
      } else if (reported.add(tensor)) {
        problem(
            "%s has %s %s, expected %s for %s%s"
                .formatted(
                    tensor,
                    info.type(),
                    info.shape(),
                    whole(axes, row.foreignShape(row.written(), ours)),
                    row.ours(),
                    hint(row)));
      }
    }
  }

  private @Nullable Place place(Row row, TensorInfo info, List<Integer> axes, Shape ours) {
    Shape shape = ours;
    if (row.ours().equals(WeightMapping.POSITION_EMBEDDING)
        || row.ours().equals(WeightMapping.EMBEDDING)) {
      if (info.shape().dimension() < 2) {
        return null;
      }
      long rows = info.shape().get(info.shape().dimension() - 2);
      if (!acceptableRows(row.ours(), rows, ours.get(0))) {
        return null;
      }
      shape = new Shape(rows, ours.get(1));
    }
    for (Rearrangement form : row.forms()) {
      Shape part = row.foreignShape(form, shape);
      if (whole(axes, part).equals(info.shape())) {
        long at = 0;
        for (int i = 0; i < axes.size(); i++) {
          at = at * axes.get(i) + row.index().get(i);
        }
        return new Place(source, info.name(), at * part.size(), part, form, shape);
      }
    }
    return null;
  }

  private static boolean acceptableRows(String ours, long rows, long wanted) {
    if (ours.equals(WeightMapping.EMBEDDING)) {
      return rows > 0 && rows <= wanted + MAX_PADDING_ROWS;
    }
    long side = Math.round(Math.sqrt((double) rows));
    return rows > 0 && side * side == rows && rows <= Integer.MAX_VALUE;
  }

  private static String hint(Row row) {
    if (row.ours().equals(WeightMapping.EMBEDDING)) {
      return "; rows may be fewer, or up to %d more that are padding".formatted(MAX_PADDING_ROWS);
    }
    return row.ours().equals(WeightMapping.POSITION_EMBEDDING)
        ? "; any square number of rows is resampled"
        : "";
  }

  private static Shape whole(List<Integer> leading, Shape part) {
    Shape whole = new Shape(leading.stream().mapToLong(Integer::longValue).toArray());
    return whole.addAll(part);
  }

  private void dropTied(String head, String embedding) {
    boolean same =
        source.contains(embedding)
            && source.info(head).type() == source.info(embedding).type()
            && source.shape(head).equals(source.shape(embedding))
            && source.bytes(head).sameAs(source.bytes(embedding));
    if (same) {
      notes.add(
          "%s: dropped %s, which repeats %s (tied)".formatted(source.path(), head, embedding));
    } else {
      problem(
          "%s differs from %s; this decoder ties its output table to its embedding"
              .formatted(head, embedding));
    }
  }

  private void drop(String pattern) {
    dropped.merge(pattern, 1, Integer::sum);
  }

  private void noteDropped() {
    if (!dropped.isEmpty()) {
      List<String> list = new ArrayList<>();
      dropped.forEach((pattern, n) -> list.add(n > 1 ? pattern + " (" + n + ")" : pattern));
      notes.add(
          "%s: dropped what this model does not have: %s"
              .formatted(source.path(), String.join(", ", list)));
    }
  }

  private void unexpected(String name) {
    problem(
        "%s %s %s is not part of the model"
            .formatted(name, source.info(name).type(), source.shape(name)));
  }

  private void problem(String message) {
    problems.add(new Problem(source.path().toString(), message));
  }
}
