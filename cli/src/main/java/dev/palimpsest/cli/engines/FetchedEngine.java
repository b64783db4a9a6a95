package dev.palimpsest.cli.engines;

import dev.palimpsest.files.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * An engine that is assembled from archives of Maven repositories, as the resource {@code
 * NAME.json} lists them.
 *
 * @param name as users name it
 * @param folder its own folder, whose name contains the versions
 * @param libtorch version of libtorch
 * @param flavor of DJL's bridge to it
 */
record FetchedEngine(String name, String folder, String libtorch, String flavor, List<Part> parts) {
  /** Folder of libtorch and of the libraries that it uses on a CPU. */
  static final String TORCH = "torch";

  /** Folder of NVIDIA's libraries. */
  static final String CUDA = "cuda";

  /**
   * What is taken from one archive.
   *
   * @param artifact {@code group:artifact:version:packaging:classifier}
   * @param what it is, in words
   * @param licence of what is taken
   * @param bytes size of the archive
   * @param sha256 of the archive, in hex
   * @param within folder in the archive, with a slash at its end
   * @param into folder of the engine
   * @param libraries names with their sizes in bytes
   */
  record Part(
      String artifact,
      String what,
      String licence,
      long bytes,
      String sha256,
      String within,
      String into,
      Map<String, Long> libraries) {
    /** Copies the map. */
    Part {
      libraries = Collections.unmodifiableMap(new LinkedHashMap<>(libraries));
    }

    /** Bytes that are kept. */
    long kept() {
      return libraries.values().stream().mapToLong(Long::longValue).sum();
    }

    /** Whether a folder holds all of it. */
    boolean isIn(Path engine) {
      return libraries.entrySet().stream()
          .allMatch(
              library ->
                  size(engine.resolve(into).resolve(library.getKey())) == library.getValue());
    }

    /** Where a local Maven repository has the archive. */
    Path in(Path repository) {
      String[] of = artifact.split(":");
      return repository
          .resolve(of[0].replace('.', '/'))
          .resolve(of[1])
          .resolve(of[2])
          .resolve("%s-%s-%s.%s".formatted(of[1], of[2], of[4], of[3]));
    }
  }

  /** Copies the list. */
  FetchedEngine {
    parts = List.copyOf(parts);
  }

  /** CUDA 12 for Linux on x86_64. */
  static FetchedEngine cuda() {
    try (InputStream in =
        Objects.requireNonNull(FetchedEngine.class.getResourceAsStream("cuda.json"))) {
      return Json.STRICT.readValue(in, FetchedEngine.class);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Bytes of all archives. */
  long bytes() {
    return parts.stream().mapToLong(Part::bytes).sum();
  }

  /** Bytes of them that are kept. */
  long kept() {
    return parts.stream().mapToLong(Part::kept).sum();
  }

  /** Whether a folder holds all of it. */
  boolean isIn(Path engine) {
    return parts.stream().allMatch(part -> part.isIn(engine));
  }

  private static long size(Path file) {
    try {
      return Files.isRegularFile(file) ? Files.size(file) : -1;
    } catch (IOException e) {
      return -1;
    }
  }
}
