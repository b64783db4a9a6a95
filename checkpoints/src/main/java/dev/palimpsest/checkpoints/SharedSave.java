package dev.palimpsest.checkpoints;

import dev.palimpsest.checkpoints.tensors.TensorPart;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.files.Durable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The writing of checkpoints by several processes that see the same folder. The first one begins
 * the files, with their headers and sizes; every process writes its elements to their places; when
 * all have synced theirs, the first one hashes the files, writes the manifest and renames the
 * folder. The files are those that one process would write.
 *
 * <p>Processes tell one another by files in the unfinished folder: {@code ready-TOKEN}, and {@code
 * done-TOKEN-rank-N} of each other process. They need no messages while training goes on, and what
 * a killed run has left has another token.
 *
 * @param rank of this process, from 0
 * @param size number of processes
 * @param token of this run of the processes, the same for all of them and for no other
 * @param patience how long one waits for the others
 */
public record SharedSave(int rank, int size, String token, Duration patience) {
  private static final Logger log = LoggerFactory.getLogger(SharedSave.class);
  private static final long LOOK_NANOS = 2_000_000;

  boolean isFirst() {
    return rank == 0;
  }

  /** What the first process does in an unfinished folder; returns when all files are complete. */
  Map<String, String> lead(Path folder, Map<String, List<TensorPart>> files) throws IOException {
    for (Map.Entry<String, List<TensorPart>> file : files.entrySet()) {
      Durable.write(
          folder.resolve(file.getKey()), channel -> TensorPart.begin(channel, file.getValue()));
    }
    Durable.write(ready(folder), new byte[0]);
    write(folder, files);
    for (int other = 1; other < size; other++) {
      await(done(folder, other), "rank " + other);
    }
    Files.delete(ready(folder));
    for (int other = 1; other < size; other++) {
      Files.delete(done(folder, other));
    }
    Map<String, String> hashes = new LinkedHashMap<>();
    for (String file : files.keySet()) {
      hashes.put(file, ContentHash.of(folder.resolve(file)));
    }
    return hashes;
  }

  /** What every other process does; returns when its part is on disk. */
  void contribute(Path folder, Map<String, List<TensorPart>> files) throws IOException {
    await(ready(folder), "the first rank");
    log.debug("writing {}", folder);
    write(folder, files);
    Durable.write(done(folder, rank), new byte[0]);
  }

  private static void write(Path folder, Map<String, List<TensorPart>> files) throws IOException {
    for (Map.Entry<String, List<TensorPart>> file : files.entrySet()) {
      try (FileChannel channel =
          FileChannel.open(folder.resolve(file.getKey()), StandardOpenOption.WRITE)) {
        TensorPart.write(channel, file.getValue());
        channel.force(true);
      }
    }
  }

  private void await(Path file, String whom) throws IOException {
    long until = System.nanoTime() + patience.toNanos();
    while (!Files.exists(file)) {
      if (System.nanoTime() > until) {
        throw new IOException(
            "%s has not written its part within %d s".formatted(whom, patience.toSeconds()));
      }
      LockSupport.parkNanos(LOOK_NANOS);
    }
  }

  private Path ready(Path folder) {
    return folder.resolve("ready-" + token);
  }

  private Path done(Path folder, int of) {
    return folder.resolve("done-%s-rank-%d".formatted(token, of));
  }
}
