package dev.palimpsest.checkpoints;

import dev.palimpsest.checkpoints.CheckpointFormatException.Kind;
import dev.palimpsest.checkpoints.TensorOutput.Tensor;
import dev.palimpsest.model.Parameters;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Training checkpoints of one stage, each an atomic folder under {@code root}; see {@link
 * CheckpointManifest} for the format. A store has one writer; readers may come and go.
 */
public final class CheckpointStore {
  private static final Logger log = LoggerFactory.getLogger(CheckpointStore.class);

  private final Path root;

  /** A store over a folder, created when absent. */
  public CheckpointStore(Path root) {
    this.root = root;
    try {
      Files.createDirectories(root);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot create " + root, e);
    }
  }

  /**
   * Writes a checkpoint: content beside, sync, manifest last with sizes and SHA-256, one rename.
   * Arrays go to disk from their own memory. First removes what an interrupted writer left. A
   * checkpoint of the same name is replaced.
   *
   * @param name folder name, sortable: {@code examples-000000001024}
   * @param groups arrays by group, e.g. {@code parameters}, {@code mu}, {@code nu}; each becomes
   *     one safetensors file
   * @param facts what else the checkpoint says of itself (counts, config, lineage); JSON-like
   *     values
   * @return the checkpoint's folder
   * @throws UncheckedIOException when it cannot be written; nothing of it remains
   */
  public Path commit(String name, Map<String, Parameters> groups, Map<String, Object> facts) {
    requirePlain(name);
    groups.keySet().forEach(CheckpointStore::requirePlain);
    try {
      for (Path leftover : Durable.removeLeftovers(root)) {
        log.warn("removed {}, left by an interrupted run", leftover);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot clear leftovers in " + root, e);
    }
    Path target = root.resolve(name);
    Durable.folder(
        target,
        folder -> {
          List<CheckpointManifest.Entry> files = new ArrayList<>();
          for (Map.Entry<String, Parameters> group : groups.entrySet()) {
            files.add(write(folder, group.getKey(), group.getValue()));
          }
          CheckpointManifest manifest =
              new CheckpointManifest(CheckpointManifest.VERSION, files, facts);
          Durable.write(folder.resolve(CheckpointManifest.FILE), manifest.toBytes());
        });
    return target;
  }

  private static CheckpointManifest.Entry write(Path folder, String group, Parameters arrays)
      throws IOException {
    Path file = folder.resolve(group + TrainingCheckpoint.SUFFIX);
    List<Tensor> tensors = new ArrayList<>();
    arrays.asMap().forEach((name, array) -> tensors.add(Tensor.of(name, array, ElementType.F32)));
    MessageDigest digest = CheckpointManifest.sha256();
    Durable.write(file, channel -> SafetensorsWriter.write(new Hashed(channel, digest), tensors));
    return new CheckpointManifest.Entry(
        String.valueOf(file.getFileName()),
        Files.size(file),
        HexFormat.of().formatHex(digest.digest()));
  }

  /** Hashes what it writes. */
  private record Hashed(FileChannel channel, MessageDigest digest) implements WritableByteChannel {
    @Override
    public int write(ByteBuffer bytes) throws IOException {
      ByteBuffer written = bytes.duplicate();
      int n = channel.write(bytes);
      digest.update(written.limit(written.position() + n));
      return n;
    }

    @Override
    public boolean isOpen() {
      return channel.isOpen();
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }

  /**
   * The newest checkpoint whose manifest and files verify. Damaged ones are passed over with a
   * warning.
   *
   * @throws CheckpointFormatException when the newest undamaged one is of a later version: going on
   *     from an older one would throw its work away
   */
  public Optional<TrainingCheckpoint> latest() {
    List<String> names = new ArrayList<>(names());
    Collections.reverse(names);
    for (String name : names) {
      try {
        return Optional.of(open(root.resolve(name)));
      } catch (CheckpointFormatException e) {
        if (e.kind() == Kind.TOO_NEW) {
          throw e;
        }
        log.warn("passing over a checkpoint that is {}: {}", e.kind(), e.getMessage());
      }
    }
    return Optional.empty();
  }

  /** Names of all folders that stand as checkpoints, unverified, oldest first. */
  public List<String> names() {
    try (var entries = Files.list(root)) {
      return entries
          .filter(Files::isDirectory)
          .map(p -> String.valueOf(p.getFileName()))
          .filter(name -> !name.startsWith("."))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + root, e);
    }
  }

  /**
   * Removes all but the newest {@code keep}, and never those that {@code pinned} names. What does
   * not have a manifest and files of its sizes is neither counted nor removed.
   */
  public void retain(int keep, Set<String> pinned) {
    List<String> whole = names().stream().filter(this::isWhole).toList();
    for (String name : whole.subList(0, Math.max(0, whole.size() - keep))) {
      if (!pinned.contains(name)) {
        Durable.remove(root.resolve(name));
        log.debug("removed checkpoint {}", name);
      }
    }
  }

  private boolean isWhole(String name) {
    try {
      TrainingCheckpoint.openUnverified(root.resolve(name));
      return true;
    } catch (CheckpointFormatException e) {
      return false;
    }
  }

  /**
   * Opens one checkpoint folder, verified.
   *
   * @throws CheckpointFormatException when it is damaged, too new, or something else
   */
  public static TrainingCheckpoint open(Path folder) {
    return TrainingCheckpoint.open(folder);
  }

  private static void requirePlain(String name) {
    if (!isPlainName(name)) {
      throw new IllegalArgumentException(
          "'%s' is not a plain name of letters, digits, dots, dashes and underscores"
              .formatted(name));
    }
  }

  static boolean isPlainName(String name) {
    return name.matches("[A-Za-z0-9_-][A-Za-z0-9._-]*");
  }
}
