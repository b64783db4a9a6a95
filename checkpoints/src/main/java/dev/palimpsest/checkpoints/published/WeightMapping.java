package dev.palimpsest.checkpoints.published;

import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.model.Architecture;
import dev.palimpsest.model.towers.ImageTower;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Maps each of our parameters to its part of a foreign array. The tables are resources beside this
 * class: {@code NAME.hugging-face.names} and {@code NAME.big-vision.names}, where the name of an
 * image tower's is {@link ImageTower#names} and that of the decoder's is {@code gemma}. Import
 * reads them from right to left, export from left to right.
 */
final class WeightMapping {
  /** Our name; shape [N, D] with the source's own N. */
  static final String POSITION_EMBEDDING = "vision/position_embedding";

  /** Our name; shape [V, D] with the source's own V. */
  static final String EMBEDDING = "language/embedding";

  /** The section of arrays that only SigLIP has. */
  private static final String CONTRASTIVE = "contrastive";

  private static final String HUGGING_FACE = "hugging-face";
  private static final String BIG_VISION = "big-vision";

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
   * @param index its index on the array's leading axes; empty if it is the whole array
   * @param forms possible orders of its axes there; the first one is written
   * @param sizes sizes of the axes that are merged in ours
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
  static List<Row> huggingFace(Architecture model, Map<Part, String> prefixes) {
    return read(HUGGING_FACE, model, prefixes.keySet(), options(model), prefixes, false);
  }

  /** The same for the towers of a config. */
  static List<Row> huggingFace(ModelConfig model, Map<Part, String> prefixes) {
    return huggingFace(Architecture.of(model), prefixes);
  }

  /**
   * Rows for big_vision names without {@code params/}.
   *
   * @param unrolled whether each block of the image tower has arrays of its own ({@code
   *     encoderblock_0}, ...) instead of one array with all blocks
   */
  static List<Row> bigVision(Architecture model, Set<Part> parts, boolean unrolled) {
    return read(BIG_VISION, model, parts, options(model), Map.of(), unrolled);
  }

  /** The same for the towers of a config. */
  static List<Row> bigVision(ModelConfig model, Set<Part> parts, boolean unrolled) {
    return bigVision(Architecture.of(model), parts, unrolled);
  }

  /**
   * Rows for a SigLIP in Hugging Face's layout, including the arrays that PaliGemma does not have:
   * names that begin with {@code contrastive/} do not belong to parameters of this model.
   */
  static List<Row> siglipHuggingFace(ModelConfig model) {
    Map<Part, String> prefix = Map.of(Part.VISION, "vision_model");
    Architecture towers = Architecture.of(model);
    return read(HUGGING_FACE, towers, prefix.keySet(), Set.of(CONTRASTIVE), prefix, false);
  }

  /** The same in big_vision's layout, without {@code params/}. */
  static List<Row> siglipBigVision(ModelConfig model) {
    Set<Part> parts = Set.of(Part.VISION);
    Architecture towers = Architecture.of(model);
    return read(BIG_VISION, towers, parts, Set.of(CONTRASTIVE), Map.of(), false);
  }

  /**
   * Hugging Face's names of an image tower without the prefixes of its parts, as far as they are
   * needed to recognise a file's parts and blocks.
   *
   * @param first the first name of each part that has any; every file has them, at any depth
   * @param blocks what precedes the numbers of the tower's blocks; empty where it repeats none
   */
  record Landmarks(Map<Part, String> first, Optional<String> blocks) {
    /** Keeps an unmodifiable copy. */
    Landmarks {
      first = Map.copyOf(first);
    }
  }

  /** The landmarks of an image tower's table. */
  static Landmarks landmarks(ImageTower tower) {
    Map<Part, String> first = new EnumMap<>(Part.class);
    String blocks = null;
    Part part = Part.VISION;
    for (String line : rows(table(tower.names(), HUGGING_FACE))) {
      if (line.startsWith("[")) {
        part = part(line);
        continue;
      }
      String name = line.split(" {2,}")[1].replaceFirst("^\\{\\w+}[.]", "");
      first.putIfAbsent(part, name);
      if (part == Part.VISION && blocks == null && name.contains(".{i}")) {
        blocks = name.substring(0, name.indexOf(".{i}"));
      }
    }
    return new Landmarks(first, Optional.ofNullable(blocks));
  }

  private static Set<String> options(Architecture model) {
    LanguageConfig language = model.language();
    return Set.of(
        language.postNorms() ? "post-norms" : "no post-norms",
        language.heads() == language.keyValueHeads() ? "as many key heads" : "fewer key heads");
  }

  private static List<Row> read(
      String layout,
      Architecture model,
      Set<Part> parts,
      Set<String> options,
      Map<Part, String> prefixes,
      boolean unrolled) {
    List<Row> rows = new ArrayList<>();
    Part part = Part.VISION;
    boolean wanted = false;
    List<String> lines = new ArrayList<>(rows(table(model.images().names(), layout)));
    lines.addAll(rows(table("gemma", layout)));
    for (String line : lines) {
      if (line.startsWith("[")) {
        String[] section = line.substring(1, line.length() - 1).split(", ");
        part = part(line);
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

  private static String table(String name, String layout) {
    return name + "." + layout + ".names";
  }

  /** The lines of a table but comments and blank ones. */
  private static List<String> rows(String table) {
    return lines(table).stream().filter(l -> !l.isBlank() && !l.startsWith("#")).toList();
  }

  /** The part that a section's header names. */
  private static Part part(String header) {
    String name = header.substring(1, header.length() - 1).split(", ")[0];
    return Part.valueOf(name.toUpperCase(Locale.ROOT));
  }

  private static Row row(String ours, String foreign, String forms, Map<String, Integer> sizes) {
    Matcher m = FOREIGN.matcher(foreign);
    if (!m.matches()) {
      throw new IllegalStateException("cannot parse '" + foreign + "' in the name table");
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

  private static int depth(Architecture model, Part part) {
    return part == Part.LANGUAGE ? model.language().depth() : model.images().depth();
  }

  private static Map<String, Integer> sizes(Architecture model, Part part) {
    LanguageConfig language = model.language();
    return part == Part.LANGUAGE
        ? Map.of("h", language.heads(), "j", language.keyValueHeads(), "k", language.headDim())
        : model.images().axes();
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
