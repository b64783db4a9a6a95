package dev.palimpsest.checkpoints.published;

import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.VisionConfig;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which parameter of ours is which part of which foreign array. The tables are the resources {@code
 * hugging-face.names} and {@code big-vision.names}; import reads them from right to left, export
 * from left to right.
 */
final class WeightMapping {
  /** Ours, of shape [N, D] with the source's own N. */
  static final String POSITION_EMBEDDING = "vision/position_embedding";

  /** Ours, of shape [V, D] with the source's own V. */
  static final String EMBEDDING = "language/embedding";

  /** The section of what a SigLIP alone has. */
  private static final String CONTRASTIVE = "contrastive";

  private static final Pattern FOREIGN = Pattern.compile("([^\\[]+)(?:\\[([0-9,]+)])?");

  private WeightMapping() {}

  /** Parts of a model, as the tables name their sections. */
  public enum Part {
    VISION,
    CONNECTOR,
    LANGUAGE
  }

  /**
   * One parameter.
   *
   * @param ours our name
   * @param foreign the array that holds it
   * @param index its place on the array's leading axes; empty where it is the whole array
   * @param forms ways its axes may lie there, the one that is written first
   * @param sizes sizes of axes that are merged in ours
   */
  record Row(
      String ours,
      String foreign,
      List<Integer> index,
      List<Rearrangement> forms,
      Map<String, Integer> sizes) {
    Rearrangement written() {
      return forms.get(0);
    }

    Shape foreignShape(Rearrangement form, Shape oursShape) {
      return form.foreign(oursShape, sizes);
    }
  }

  /**
   * Rows for Hugging Face names with these prefixes, which may be empty; parts without a prefix are
   * left out.
   */
  static List<Row> huggingFace(ModelConfig model, Map<Part, String> prefixes) {
    return read("hugging-face.names", model, prefixes.keySet(), options(model), prefixes, false);
  }

  /**
   * Rows for big_vision names without {@code params/}.
   *
   * @param unrolled whether each block of the image tower has arrays of its own ({@code
   *     encoderblock_0}, ...) instead of one array with all blocks
   */
  static List<Row> bigVision(ModelConfig model, Set<Part> parts, boolean unrolled) {
    return read("big-vision.names", model, parts, options(model), Map.of(), unrolled);
  }

  /**
   * Rows for a SigLIP as Hugging Face has it, with all that PaliGemma does not: names that begin
   * with {@code contrastive/} are of no parameter of this model.
   */
  static List<Row> siglipHuggingFace(ModelConfig model) {
    Map<Part, String> prefix = Map.of(Part.VISION, "vision_model");
    return read("hugging-face.names", model, prefix.keySet(), Set.of(CONTRASTIVE), prefix, false);
  }

  /** The same as big_vision has it, without {@code params/}. */
  static List<Row> siglipBigVision(ModelConfig model) {
    Set<Part> parts = Set.of(Part.VISION);
    return read("big-vision.names", model, parts, Set.of(CONTRASTIVE), Map.of(), false);
  }

  private static Set<String> options(ModelConfig model) {
    LanguageConfig language = model.language();
    return Set.of(
        language.postNorms() ? "post-norms" : "no post-norms",
        language.heads() == language.keyValueHeads() ? "as many key heads" : "fewer key heads");
  }

  private static List<Row> read(
      String table,
      ModelConfig model,
      Set<Part> parts,
      Set<String> options,
      Map<Part, String> prefixes,
      boolean unrolled) {
    List<Row> rows = new ArrayList<>();
    Part part = Part.VISION;
    boolean wanted = false;
    for (String line : lines(table)) {
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      if (line.startsWith("[")) {
        String[] section = line.substring(1, line.length() - 1).split(", ");
        part = Part.valueOf(section[0].toUpperCase(Locale.ROOT));
        wanted = parts.contains(part) && (section.length == 1 || options.contains(section[1]));
      } else if (wanted) {
        String[] columns = line.split(" {2,}");
        String foreign = columns[1];
        String prefix = prefixes.get(part);
        if (prefix != null) {
          foreign =
              prefix.isEmpty()
                  ? foreign.replaceFirst("^\\{\\w+}[.]", "")
                  : foreign.replaceFirst("^\\{\\w+}", Matcher.quoteReplacement(prefix));
        }
        if (unrolled && foreign.contains("/encoderblock/")) {
          foreign = foreign.replace("/encoderblock/", "/encoderblock_{i}/").replace("[{i}]", "");
        }
        int copies = !columns[0].contains("{i}") ? 1 : depth(model, part);
        for (int i = 0; i < copies; i++) {
          rows.add(
              row(
                  columns[0].replace("{i}", Integer.toString(i)),
                  foreign.replace("{i}", Integer.toString(i)),
                  columns.length > 2 ? columns[2] : "",
                  sizes(model, part)));
        }
      }
    }
    return rows;
  }

  private static Row row(String ours, String foreign, String forms, Map<String, Integer> sizes) {
    Matcher m = FOREIGN.matcher(foreign);
    if (!m.matches()) {
      throw new IllegalStateException("cannot read '" + foreign + "' in the table of names");
    }
    List<Integer> index =
        m.group(2) == null
            ? List.of()
            : Arrays.stream(m.group(2).split(",")).map(Integer::valueOf).toList();
    List<Rearrangement> parsed =
        forms.isEmpty()
            ? List.of(Rearrangement.NONE)
            : Arrays.stream(forms.split("\\|")).map(Rearrangement::parse).toList();
    return new Row(ours, m.group(1), index, parsed, sizes);
  }

  private static int depth(ModelConfig model, Part part) {
    return part == Part.VISION ? model.vision().depth() : model.language().depth();
  }

  private static Map<String, Integer> sizes(ModelConfig model, Part part) {
    VisionConfig vision = model.vision();
    LanguageConfig language = model.language();
    return part == Part.VISION
        ? Map.of("h", vision.heads(), "k", vision.width() / vision.heads())
        : Map.of("h", language.heads(), "j", language.keyValueHeads(), "k", language.headDim());
  }

  /** The lines of a table. */
  static List<String> lines(String table) {
    InputStream stream =
        Objects.requireNonNull(WeightMapping.class.getResourceAsStream(table), table);
    try (BufferedReader reader =
        new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
      return reader.lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
