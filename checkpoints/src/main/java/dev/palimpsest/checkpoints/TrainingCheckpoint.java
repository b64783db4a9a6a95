package dev.palimpsest.checkpoints;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException.Kind;
import dev.palimpsest.checkpoints.tensors.SafetensorsFile;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.files.PlainName;
import dev.palimpsest.model.blocks.Parameters;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A training checkpoint on disk, verified when it was opened.
 *
 * @param folder its folder
 * @param manifest its contents
 */
public record TrainingCheckpoint(Path folder, CheckpointManifest manifest) {
  static final String SUFFIX = ".safetensors";

  /**
   * Opens a checkpoint and verifies every file against the manifest.
   *
   * @throws CheckpointFormatException when it is damaged, too new, or something else
   */
  static TrainingCheckpoint open(Path folder) {
    TrainingCheckpoint checkpoint = openUnverified(folder);
    checkpoint.manifest.files().parallelStream()
        .map(checkpoint::damage)
        .flatMap(Optional::stream)
        .findFirst()
        .ifPresent(
            damage -> {
              throw damage;
            });
    return checkpoint;
  }

  private Optional<CheckpointFormatException> damage(CheckpointManifest.Entry file) {
    Path path = folder.resolve(file.name());
    return ContentHash.of(path).equals(file.sha256())
        ? Optional.empty()
        : Optional.of(
            new CheckpointFormatException(
                Kind.CORRUPT, path, "is damaged: its SHA-256 is not the manifest's"));
  }

  /** Opens a checkpoint whose files have the sizes that its manifest gives. */
  static TrainingCheckpoint openUnverified(Path folder) {
    CheckpointManifest manifest = CheckpointManifest.read(folder);
    for (CheckpointManifest.Entry file : manifest.files()) {
      if (!PlainName.matches(file.name())) {
        throw new CheckpointFormatException(
            Kind.CORRUPT,
            folder,
            "its manifest lists '" + file.name() + "', which is not a plain file name");
      }
      Path path = folder.resolve(file.name());
      try {
        long size = Files.isRegularFile(path) ? Files.size(path) : -1;
        if (size != file.bytes()) {
          throw new CheckpointFormatException(
              size < file.bytes() ? Kind.TRUNCATED : Kind.CORRUPT,
              path,
              size < 0
                  ? "is missing"
                  : "has %d bytes, the manifest says %d".formatted(size, file.bytes()));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(path + ": " + e.getMessage(), e);
      }
    }
    return new TrainingCheckpoint(folder, manifest);
  }

  /** The folder's name. */
  public String name() {
    return String.valueOf(folder.getFileName());
  }

  /** Facts given at commit, as read from JSON: numbers may have another Java type. */
  public Map<String, Object> facts() {
    return manifest.facts();
  }

  /** Groups in the order of the commit. */
  public List<String> groups() {
    return manifest.files().stream()
        .map(CheckpointManifest.Entry::name)
        .filter(name -> name.endsWith(SUFFIX))
        .map(name -> name.substring(0, name.length() - SUFFIX.length()))
        .toList();
  }

  /**
   * A group's arrays, in a new child of the manager and on its device. On the CPU they share the
   * memory of the checkpoint's file ({@link SafetensorsFile#arrays}), also after the checkpoint was
   * removed.
   *
   * @throws IllegalArgumentException when there is no such group
   */
  public Parameters read(NDManager manager, String group) {
    requireGroup(group);
    NDManager own = manager.newSubManager();
    try (SafetensorsFile file = SafetensorsFile.open(folder.resolve(group + SUFFIX))) {
      return new Parameters(own, file.arrays(own));
    } catch (RuntimeException e) {
      own.close();
      throw e;
    }
  }

  /**
   * Opens a group's file, to be read piece by piece.
   *
   * @throws IllegalArgumentException when there is no such group
   */
  public TensorSource source(String group) {
    requireGroup(group);
    return SafetensorsFile.open(folder.resolve(group + SUFFIX));
  }

  /**
   * Verifies a group's file against the manifest.
   *
   * @throws CheckpointFormatException when it is damaged
   * @throws IllegalArgumentException when there is no such group
   */
  public void verify(String group) {
    requireGroup(group);
    manifest.files().stream()
        .filter(file -> file.name().equals(group + SUFFIX))
        .map(this::damage)
        .flatMap(Optional::stream)
        .forEach(
            damage -> {
              throw damage;
            });
  }

  private void requireGroup(String group) {
    if (!groups().contains(group)) {
      throw new IllegalArgumentException(
          "%s has no group %s, only %s".formatted(folder, group, groups()));
    }
  }
}
