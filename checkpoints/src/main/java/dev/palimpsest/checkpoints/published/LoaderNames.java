package dev.palimpsest.checkpoints.published;

import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.published.WeightMapping.Part;
import dev.palimpsest.checkpoints.published.WeightMapping.Row;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.NpzFile;
import dev.palimpsest.checkpoints.tensors.TensorInfo;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.model.ParameterSpecs;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Checks whether the loaders of other programs find every tensor of a whole model: compares the
 * names that they look for with those in the file, after the loader's renaming. The loaders are
 * described in the resource {@code loaders.names}, the parameters in the tables of {@link
 * WeightMapping}.
 */
public final class LoaderNames {
  private static final String TABLE = "loaders.names";

  private LoaderNames() {}

  /**
   * How a loader reads a file.
   *
   * @param loader its name and version
   * @param tensors number of tensors that it looks for
   * @param missing names that it does not find, whose tensors start with random values
   * @param unexpected names that it does not know
   * @param duplicated names that mean the same tensor as another name
   * @param wrong tensors of another shape or of an unsupported number format, in words
   * @param without why it cannot load such a model at all; empty if it can
   */
  public record Account(
      String loader,
      int tensors,
      List<String> missing,
      List<String> unexpected,
      List<String> duplicated,
      List<String> wrong,
      String without) {
    /** Keeps unmodifiable copies. */
    public Account {
      missing = List.copyOf(missing);
      unexpected = List.copyOf(unexpected);
      duplicated = List.copyOf(duplicated);
      wrong = List.copyOf(wrong);
    }

    /** Whether it loads exactly the whole model. */
    public boolean holds() {
      return missing.isEmpty() && unexpected.isEmpty() && duplicated.isEmpty() && wrong.isEmpty();
    }
  }

  /** A section of the table. */
  private static final class Loader {
    private final String name;
    private final Map<Part, String> prefixes = new EnumMap<>(Part.class);
    private final Map<String, String> renames = new LinkedHashMap<>();
    private @Nullable String archive;
    private @Nullable String tied;
    private @Nullable String only;
    private boolean takesVoid;

    Loader(String name) {
      this.name = name;
    }

    void line(String key, String value) {
      switch (key) {
        case "tied" -> tied = value;
        case "archive" -> archive = value;
        case "only" -> only = value;
        case "void" -> takesVoid = true;
        case "rename" -> {
          String[] sides = value.split(" -> ");
          renames.put(sides[0], sides[1]);
        }
        default -> prefixes.put(Part.valueOf(key.toUpperCase(Locale.ROOT)), value);
      }
    }

    String renamed(String name) {
      String result = name;
      for (Map.Entry<String, String> rename : renames.entrySet()) {
        result = result.replaceFirst(rename.getKey(), rename.getValue());
      }
      return result;
    }

    /** Names and shapes that it looks for. */
    Map<String, Shape> wanted(ModelConfig model, int resolution, long rows) {
      Map<String, Shape> ours = new LinkedHashMap<>(ParameterSpecs.of(model, resolution));
      ours.computeIfPresent(
          WeightMapping.EMBEDDING, (name, shape) -> new Shape(rows, shape.get(1)));
      List<Row> table =
          archive == null
              ? WeightMapping.huggingFace(model, prefixes)
              : WeightMapping.bigVision(model, EnumSet.allOf(Part.class), false);
      Map<String, Shape> wanted = new LinkedHashMap<>();
      for (Row row : table) {
        Shape part = row.foreignShape(row.written(), Objects.requireNonNull(ours.get(row.ours())));
        // The length of an array with parts is given by their largest index.
        Shape leading = new Shape(row.index().stream().mapToLong(i -> i + 1).toArray());
        wanted.merge(
            (archive == null ? "" : archive) + row.foreign(), leading.addAll(part), Loader::larger);
      }
      return wanted;
    }

    private static Shape larger(Shape a, Shape b) {
      long[] sizes = a.getShape().clone();
      for (int i = 0; i < sizes.length; i++) {
        sizes[i] = Math.max(sizes[i], b.get(i));
      }
      return new Shape(sizes);
    }

    Account account(TensorSource file, ModelConfig model, int resolution, long rows) {
      boolean postNorms = model.language().postNorms();
      Map<String, Shape> wanted = wanted(model, resolution, rows);
      if ("no post-norms".equals(only) && postNorms) {
        return new Account(
            name,
            wanted.size(),
            List.of(),
            List.of(),
            List.of(),
            List.of(),
            "it does not support Gemma 2");
      }
      List<String> unexpected = new ArrayList<>();
      List<String> duplicated = new ArrayList<>();
      List<String> wrong = new ArrayList<>();
      Set<String> found = new LinkedHashSet<>();
      for (String stored : file.names()) {
        String renamed = renamed(stored);
        if (renamed.equals(tied)) {
          duplicated.add(stored + " repeats the embedding, to which it is tied");
        } else if (!found.add(renamed)) {
          duplicated.add(stored + " is loaded as " + renamed + ", as another tensor is");
        } else if (!wanted.containsKey(renamed)) {
          unexpected.add(stored);
        } else {
          mistake(file, stored, Objects.requireNonNull(wanted.get(renamed)), wrong);
        }
      }
      List<String> missing = wanted.keySet().stream().filter(n -> !found.contains(n)).toList();
      return new Account(name, wanted.size(), missing, unexpected, duplicated, wrong, "");
    }

    private void mistake(TensorSource file, String stored, Shape shape, List<String> wrong) {
      TensorInfo info;
      try {
        info = file.info(stored);
      } catch (CheckpointFormatException e) { // pickles and unsupported types
        wrong.add(String.valueOf(e.getMessage()));
        return;
      }
      if (!info.shape().equals(shape)) {
        wrong.add("%s has %s, expected %s".formatted(stored, info.shape(), shape));
      }
      if (!info.type().isFloating()) {
        wrong.add("%s contains %s, not real numbers".formatted(stored, info.type()));
      } else if (archive != null && info.type() == ElementType.BF16 && !takesVoid) {
        wrong.add(
            stored
                + " is bfloat16 as two-byte void (numpy has no bfloat16), which is loaded as bytes and not as numbers");
      }
    }
  }

  /**
   * How each loader of this kind of file reads it.
   *
   * @param file a whole model
   * @param rows rows of its embedding, those of padding among them
   */
  public static List<Account> accounts(
      TensorSource file, ModelConfig model, int resolution, long rows) {
    boolean archive = file instanceof NpzFile;
    return loaders().stream()
        .filter(loader -> (loader.archive != null) == archive)
        .map(loader -> loader.account(file, model, resolution, rows))
        .toList();
  }

  private static List<Loader> loaders() {
    List<Loader> loaders = new ArrayList<>();
    for (String line : WeightMapping.lines(TABLE)) {
      if (line.startsWith("[")) {
        loaders.add(new Loader(line.substring(1, line.length() - 1)));
      } else if (!line.isBlank() && !line.startsWith("#")) {
        String[] columns = line.split(" {2,}", 2);
        loaders.get(loaders.size() - 1).line(columns[0], columns[1]);
      }
    }
    return loaders;
  }
}
