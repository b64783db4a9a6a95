package dev.palimpsest.checkpoints.published;

import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.published.WeightMapping.Landmarks;
import dev.palimpsest.checkpoints.published.WeightMapping.Part;
import dev.palimpsest.checkpoints.published.WeightMapping.Row;
import dev.palimpsest.checkpoints.tensors.NpzFile;
import dev.palimpsest.checkpoints.tensors.TensorInfo;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.model.Architecture;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Compares a source with the name tables: the place of each of our parameters in it, and what is
 * missing, has another shape, or is left over. Only descriptions are read, and no data except those
 * of a tied output table.
 */
final class SourceMatch {
  /** More surplus embedding rows than this are not considered padding. */
  private static final long MAX_PADDING_ROWS = 128;

  private static final int MAX_LINES = 20;

  final Map<String, Place> places = new LinkedHashMap<>();
  final List<Problem> problems = new ArrayList<>();
  final List<String> notes = new ArrayList<>();

  private final TensorSource source;
  private final SourceFacts facts;
  private final Map<String, Shape> specs;
  private final Set<String> used = new HashSet<>();
  private final Map<String, Integer> dropped = new TreeMap<>();
  private final Map<String, List<String>> leftOver = new LinkedHashMap<>();

  /**
   * The place of a parameter.
   *
   * @param tensor name in the source
   * @param firstElement first element of the part within the tensor
   * @param foreign the part's shape in the source
   * @param form how its axes become our axes
   * @param shape our shape, with the source's own number of rows if that may differ
   */
  record Place(
      TensorSource source,
      String tensor,
      long firstElement,
      Shape foreign,
      Rearrangement form,
      Shape shape) {}

  /**
   * Compares a source.
   *
   * @param facts from files beside the tensors
   * @param specs our shapes of at least the wanted parts
   */
  SourceMatch(
      TensorSource source,
      SourceFacts facts,
      Architecture model,
      Map<String, Shape> specs,
      Set<Part> parts) {
    this.source = source;
    this.facts = facts;
    this.specs = specs;
    if (source instanceof NpzFile) {
      matchBigVision(model, parts);
    } else {
      matchHuggingFace(model, parts);
    }
  }

  /**
   * Training checkpoints keep the optimizer's state ({@code opt/}) and counters ({@code chrono/})
   * beside {@code params/}, older ones the parameters under {@code opt/target/} (big_vision
   * models/common.py and utils.py, load_params).
   */
  private void matchBigVision(Architecture model, Set<Part> parts) {
    String prefix =
        Stream.of("params/", "opt/target/")
            .filter(p -> source.names().stream().anyMatch(name -> name.startsWith(p)))
            .findFirst()
            .orElse("");
    List<String> all = source.names().stream().filter(n -> n.startsWith(prefix)).toList();
    boolean unrolled = all.stream().anyMatch(n -> n.contains("/Transformer/encoderblock_"));
    match(
        WeightMapping.bigVision(model, parts, unrolled),
        name -> source.contains(prefix + name) ? prefix + name : null,
        prefix);
    for (String name : source.names()) {
      String bare = name.startsWith(prefix) ? name.substring(prefix.length()) : name;
      if (used.contains(name)) {
        continue;
      }
      if (!name.startsWith(prefix)) {
        drop(name.contains("/") ? name.substring(0, name.indexOf('/')) + "/*" : name);
      } else if (parts.contains(Part.VISION) && bare.startsWith("img/MAPHead_0/")) {
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
    reportUnexpected();
  }

  private void matchHuggingFace(Architecture model, Set<Part> wanted) {
    Landmarks tower = WeightMapping.landmarks(model.images());
    Set<Part> parts = EnumSet.copyOf(wanted);
    parts.removeIf(part -> part != Part.LANGUAGE && !tower.first().containsKey(part));
    StoredNames names = new StoredNames(source.names(), tower);
    Optional<String> obstacle = names.obstacle(parts);
    if (obstacle.isPresent()) {
      problem(obstacle.get());
      return;
    }
    Map<Part, String> prefixes = new EnumMap<>(Part.class);
    parts.forEach(part -> prefixes.put(part, names.prefix(part).orElseThrow()));
    if (!sameDepth(names, prefixes, model)) {
      return;
    }
    String language = prefixes.get(Part.LANGUAGE);
    if (language != null) {
      outputTable(names, StoredNames.join(language, "embed_tokens.weight"), parts);
    }
    match(WeightMapping.huggingFace(model, prefixes), names::inFile, "");
    String vision = prefixes.get(Part.VISION);
    for (String bare : names.all()) {
      String name = Objects.requireNonNull(names.inFile(bare));
      if (used.contains(name)) {
        continue;
      }
      if (vision != null && bare.startsWith(StoredNames.join(vision, "head."))) {
        drop(StoredNames.join(vision, "head.*"));
      } else if (parts.equals(Set.of(Part.VISION)) && bare.matches("(model[.])?text_model[.].*")) {
        drop("text_model.*");
      } else if (parts.equals(Set.of(Part.VISION))
          && (bare.endsWith("logit_scale") || bare.endsWith("logit_bias"))) {
        drop(bare);
      } else if (bare.endsWith("position_ids") || bare.endsWith("rotary_emb.inv_freq")) {
        drop(bare); // buffers that early versions saved; they depend only on the sizes
      } else {
        unexpected(name);
      }
    }
    noteDropped();
    reportUnexpected();
  }

  private boolean sameDepth(StoredNames names, Map<Part, String> prefixes, Architecture model) {
    int before = problems.size();
    prefixes.forEach(
        (part, prefix) -> {
          int ours = part == Part.LANGUAGE ? model.language().depth() : model.images().depth();
          boolean repeats = part != Part.CONNECTOR && names.beforeBlocks(part).isPresent();
          int theirs = repeats ? names.blocks(part, prefix) : ours;
          if (ours != theirs) {
            problem(
                "has %d blocks named %s, the model has %d"
                    .formatted(
                        theirs,
                        StoredNames.join(prefix, names.beforeBlocks(part).orElseThrow()),
                        ours));
          }
        });
    return problems.size() == before;
  }

  /**
   * Some files contain the output table beside the embedding and some only the output table,
   * because the two are tied; untied tables that are equal give the same model.
   */
  private void outputTable(StoredNames names, String embedding, Set<Part> parts) {
    Optional<String> head = names.outputTable();
    String table = names.inFile(embedding);
    if (head.isEmpty()) {
      if (facts.untied() && parts.contains(Part.CONNECTOR)) {
        problem(
            "config.json says tie_word_embeddings: false, but there is no lm_head.weight; save the"
                + " model again");
      }
    } else if (table == null) {
      if (facts.untied()) {
        problem(
            embedding + " is missing, and config.json says that lm_head.weight differs from it");
      } else {
        notes.add(
            "%s: took the embedding from %s (tied)"
                .formatted(source.path(), names.inFile(head.get())));
        names.alias(embedding, head.get());
      }
    } else {
      String name = Objects.requireNonNull(names.inFile(head.get()));
      used.add(name);
      dropTied(name, table);
    }
  }

  /**
   * @param inFile maps a bare name to the name in the file; null if it is not there
   * @param prefix the file's prefix of the table's names
   */
  private void match(List<Row> rows, UnaryOperator<@Nullable String> inFile, String prefix) {
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
      String tensor = inFile.apply(row.foreign());
      Shape ours = specs.get(row.ours());
      if (ours == null) {
        throw new IllegalStateException(
            "the name table contains a parameter that the model does not have: " + row);
      }
      List<Integer> axes = leading.getOrDefault(row.foreign(), List.of());
      if (tensor == null) {
        if (reported.add(row.foreign())) {
          problem(
              "%s is missing; expected %s for %s"
                  .formatted(
                      prefix + row.foreign(),
                      whole(axes, row.foreignShape(row.written(), ours)),
                      row.ours()));
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

  private boolean acceptableRows(String ours, long rows, long wanted) {
    if (ours.equals(WeightMapping.EMBEDDING)) {
      if (facts.trainedRows() > rows) {
        problem(facts.tooFewRows(rows));
      } else if (facts.trainedRows() > wanted && rows > wanted) {
        problem(
            ("%d of the embedding's rows are trained, for %s; the model has %d: set"
                    + " language.vocabulary to %d and use this folder's tokenizer")
                .formatted(facts.trainedRows(), facts.last(), wanted, facts.trainedRows()));
      }
      // If the tokenizer tells which rows are trained, all others are padding.
      return rows > 0 && (facts.trainedRows() > 0 || rows <= wanted + MAX_PADDING_ROWS);
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
    leftOver
        .computeIfAbsent(name.replaceFirst("[.][0-9]+[.]", ".*."), kind -> new ArrayList<>())
        .add(name);
  }

  /**
   * Reports a line per tensor, with those that blocks repeat in one line; if there are very many,
   * only some.
   */
  private void reportUnexpected() {
    int shown = 0;
    for (List<String> names : leftOver.values()) {
      if (shown++ == MAX_LINES) {
        problem(
            "and %d more that are not part of the model".formatted(leftOver.size() - MAX_LINES));
        return;
      }
      String name = names.get(0);
      problem(
          "%s %s %s%s is not part of the model"
              .formatted(
                  name,
                  source.info(name).type(),
                  source.shape(name),
                  names.size() == 1 ? "" : " (and that of %d others)".formatted(names.size() - 1)));
    }
  }

  private void problem(String message) {
    problems.add(new Problem(source.path().toString(), message));
  }
}
