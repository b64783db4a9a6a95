package dev.palimpsest.cli.certify;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** A folder that is deleted when closed. */
final class TemporaryFolder implements AutoCloseable {
  private final Path path;

  TemporaryFolder() throws IOException {
    path = Files.createTempDirectory("certify");
  }

  /** A folder with a config and weights under the names of a Hugging Face checkpoint. */
  static TemporaryFolder checkpoint(Path config, Path weights) throws IOException {
    TemporaryFolder folder = new TemporaryFolder();
    Files.copy(config, folder.path.resolve("config.json"));
    Files.copy(weights, folder.path.resolve("model.safetensors"));
    return folder;
  }

  Path path() {
    return path;
  }

  @Override
  public void close() {
    try (Stream<Path> all = Files.walk(path)) {
      List<Path> deepestFirst = all.sorted(Comparator.reverseOrder()).toList();
      for (Path p : deepestFirst) {
        Files.delete(p);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
