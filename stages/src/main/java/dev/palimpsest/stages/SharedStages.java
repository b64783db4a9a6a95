package dev.palimpsest.stages;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.files.Durable;
import dev.palimpsest.files.FolderLock;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.training.StopRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finished stages of several runs by their fingerprints, so that a stage with the same settings,
 * data and parents is trained once.
 *
 * <p>{@code FINGERPRINT.json} names the folder of such a stage. A run that needs one which is not
 * there holds {@code FINGERPRINT.lock} while it trains it; others wait for it, and take over what
 * it leaves, or train themselves if it ended without a result.
 */
final class SharedStages {
  private static final Logger log = LoggerFactory.getLogger(SharedStages.class);

  private static final long LOOK_MILLIS = 200;

  /** Files of a checkpoint that nobody changes once they are there. */
  private static final String ARRAYS = ".safetensors";

  private final @Nullable Path folder;

  /**
   * The stages in a folder.
   *
   * @param folder created if absent; null to share nothing
   */
  SharedStages(@Nullable Path folder) {
    this.folder = folder == null ? null : folder.toAbsolutePath().normalize();
  }

  /**
   * Takes the right to train a stage, waiting while another run has it.
   *
   * @param run where the stage belongs
   * @param stage its name
   * @return empty if nothing is shared
   * @throws dev.palimpsest.stages.training.StoppedException when the run is to stop meanwhile
   */
  Optional<Claim> claim(String fingerprint, RunFolder run, String stage, StopRequest stop) {
    if (folder == null) {
      return Optional.empty();
    }
    Path file = folder.resolve(fingerprint + ".lock");
    Optional<FolderLock> lock = FolderLock.take(file);
    if (lock.isEmpty()) {
      log.info("{}: waits for {}, which trains the same stage", stage, FolderLock.holder(file));
    }
    while (lock.isEmpty()) {
      stop.obey("while another run trains " + stage);
      try {
        Thread.sleep(LOOK_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted", e);
      }
      lock = FolderLock.take(file);
    }
    return Optional.of(new Claim(lock.get(), folder, fingerprint, run, stage));
  }

  /** The right to train a stage. */
  record Claim(FolderLock lock, Path folder, String fingerprint, RunFolder run, String stage)
      implements AutoCloseable {
    private Path entry() {
      return folder.resolve(fingerprint + ".json");
    }

    /**
     * Copies the finished stage into the run, unless the run has begun to train it itself. Arrays
     * of checkpoints are linked where the file system can.
     */
    void takeOver() {
      Path own = run.stage(stage);
      if (Files.exists(run.checkpoints(stage))) {
        return;
      }
      Optional<Path> found = finished();
      if (found.isEmpty() || found.get().equals(own)) {
        return;
      }
      try {
        Durable.folder(own, target -> copy(found.get(), target));
      } catch (UncheckedIOException e) {
        log.warn("{}: cannot take over {}, it is trained again", stage, found.get(), e);
        return;
      }
      log.info("{}: taken over from {}", stage, found.get());
    }

    /** The stage's folder in another run, if it is still there. */
    private Optional<Path> finished() {
      return RunFolder.readJson(entry())
          .map(json -> Path.of(json.path("stage").asText()))
          .filter(
              other ->
                  RunFolder.readJson(other.resolve("stage.json"))
                      .map((JsonNode json) -> json.path("fingerprint").asText())
                      .filter(fingerprint::equals)
                      .isPresent());
    }

    /** Offers the stage, which is finished, to other runs. */
    void offer() {
      if (finished().isEmpty()) {
        RunFolder.writeJson(entry(), Map.of("stage", run.stage(stage).toString()));
      }
    }

    @Override
    public void close() {
      lock.close();
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.walkFileTree(
        from,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes)
              throws IOException {
            Files.createDirectories(to.resolve(from.relativize(folder).toString()));
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Path target = to.resolve(from.relativize(file).toString());
            if (!file.toString().endsWith(ARRAYS) || !linked(file, target)) {
              Files.copy(file, target);
            }
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private static boolean linked(Path file, Path target) {
    try {
      Files.createLink(target, file);
      return true;
    } catch (IOException | UnsupportedOperationException e) {
      return false; // another file system, or one without links
    }
  }
}
