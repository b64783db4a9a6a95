package dev.palimpsest.eval.benchmarks.forms;

import com.fasterxml.jackson.databind.node.TextNode;
import dev.palimpsest.configs.evaluation.BenchmarkConfig.Data;
import dev.palimpsest.mixtures.images.ImageReference;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The files that a benchmark's definition names, in a user's data folder.
 *
 * @param benchmark its name, for messages
 * @param folder the data folder, to which all names are relative
 * @param data the names, in one of the definition's layouts
 */
public record BenchmarkFiles(String benchmark, Path folder, Data data) {
  /** Reads one of several files in the same form. */
  public interface OneFile {
    /** The examples of the file, in its order. */
    List<BenchmarkExample> read(Path file) throws IOException;
  }

  /** The file for a name in the definition. */
  public Path file(String name) {
    return folder.resolve(Objects.requireNonNull(data.files().get(name), name));
  }

  /** All files by their names in the definition, in its order. */
  public Map<String, Path> all() {
    Map<String, Path> files = new LinkedHashMap<>();
    data.files().forEach((name, file) -> files.put(name, folder.resolve(file)));
    return files;
  }

  /**
   * The examples of all files; a file's name in the definition becomes a field and makes ids
   * unique.
   *
   * @param field the field that the name becomes
   */
  public List<BenchmarkExample> each(String field, OneFile form) throws IOException {
    List<BenchmarkExample> examples = new ArrayList<>();
    for (Map.Entry<String, Path> file : all().entrySet()) {
      for (BenchmarkExample example : form.read(file.getValue())) {
        examples.add(
            example.with(
                file.getKey() + "-" + example.id().replaceFirst("^" + file.getKey() + "_", ""),
                Map.of(field, TextNode.valueOf(file.getKey()))));
      }
    }
    return examples;
  }

  /** The folder of pictures, or of folders of frames for videos. */
  public Path pictures() {
    return folder.resolve(Objects.requireNonNullElse(data.images(), ""));
  }

  /**
   * A picture's file. Archives that were packed or unpacked elsewhere may contain names with
   * accents in composed or decomposed form; both are accepted.
   *
   * @param images the folder that the name is relative to
   * @throws BenchmarkFormatException when the name cannot be that of a file, or leads out of the
   *     folder
   */
  public ImageReference picture(Path images, String name) {
    return ImageReference.file(pictureFile(images, name));
  }

  private Path pictureFile(Path images, String name) {
    Path file;
    try {
      file = images.resolve(name);
    } catch (InvalidPathException e) {
      throw new BenchmarkFormatException(
          ("benchmark %s: '%s' cannot be the name of a picture here: %s; names beyond ASCII need a"
                  + " UTF-8 locale, such as LC_ALL=C.UTF-8")
              .formatted(benchmark, name, e.getReason()));
    }
    Path inside = file.normalize();
    boolean leaves = !Path.of(name).isAbsolute() && !inside.startsWith(images.normalize());
    if (name.isBlank() || leaves || inside.equals(images.normalize())) {
      throw new BenchmarkFormatException(
          "benchmark %s: '%s' is not a picture in %s".formatted(benchmark, name, images));
    }
    if (name.chars().allMatch(c -> c < 128) || Files.exists(file)) {
      return file;
    }
    return Stream.of(Normalizer.Form.NFC, Normalizer.Form.NFD)
        .map(form -> images.resolve(Normalizer.normalize(name, form)))
        .filter(Files::exists)
        .findFirst()
        .orElse(file);
  }

  /** The names of missing files, as written in the definition. */
  public List<String> missing() {
    List<String> missing = new ArrayList<>();
    data.files().values().stream().filter(name -> paths(name).isEmpty()).forEach(missing::add);
    String images = data.images();
    if (images != null && !Files.isDirectory(folder.resolve(images))) {
      missing.add(images + "/");
    }
    return missing;
  }

  /** The files that are read, pictures and folders of small files aside. */
  public List<Path> listed() {
    return Stream.concat(data.files().values().stream(), Stream.ofNullable(data.rotations()))
        .flatMap(name -> paths(name).stream())
        .filter(Files::isRegularFile)
        .toList();
  }

  /** The files that match a name whose last part may contain a {@code *}, sorted. */
  private List<Path> paths(String name) {
    Path path = folder.resolve(name);
    if (name.indexOf('*') < 0) {
      return Files.exists(path) ? List.of(path) : List.of();
    }
    Path parent = Objects.requireNonNull(path.getParent());
    if (!Files.isDirectory(parent)) {
      return List.of();
    }
    PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + path.getFileName());
    try (Stream<Path> all = Files.list(parent)) {
      return all.filter(p -> matcher.matches(p.getFileName())).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + parent, e);
    }
  }
}
