package dev.palimpsest.cli.engines;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** The CUDA engine as it lies after a fetch, with holes in place of bytes. */
public final class SparseEngine {
  private SparseEngine() {}

  /** Writes it. */
  public static void write(Path cache) throws IOException {
    FetchedEngine engine = FetchedEngine.cuda();
    for (FetchedEngine.Part part : engine.parts()) {
      Path folder = Files.createDirectories(cache.resolve(engine.folder()).resolve(part.into()));
      for (Map.Entry<String, Long> library : part.libraries().entrySet()) {
        try (RandomAccessFile file =
            new RandomAccessFile(folder.resolve(library.getKey()).toFile(), "rw")) {
          file.setLength(library.getValue());
        }
      }
    }
  }
}
