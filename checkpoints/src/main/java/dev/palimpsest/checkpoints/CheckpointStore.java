package dev.palimpsest.checkpoints;

import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException.Kind;
import dev.palimpsest.checkpoints.tensors.SafetensorsWriter;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.checkpoints.tensors.TensorPart;
import dev.palimpsest.files.Durable;
import dev.palimpsest.files.PlainName;
import dev.palimpsest.files.WrittenFile;
import dev.palimpsest.model.blocks.Parameters;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Training checkpoints of one stage, each an atomic folder under {@code root}; see {@link
 * CheckpointManifest} for the format. A store has one writer and any number of readers. Folders
 * with names unlike {@code examples-000000001024}, such as copies that somebody has put aside, are
 * neither read nor removed; nor is a folder whose name states another number of examples than its
 * manifest, because somebody has renamed or copied it.
 */
public final class CheckpointStore {
  private static final Logger log = LoggerFactory.getLogger(CheckpointStore.class);

  /** Space left free beside a checkpoint for logs and scores. */
  private static final long SPARE_BYTES = 16L << 20;

  private static final Pattern NAME = Pattern.compile("examples-\\d{12}");

  private final Path root;
  private final Space space;

  /** Names of checkpoints that were found damaged and have not been written again. */
  private final Set<String> damaged = ConcurrentHashMap.newKeySet();

  /** The free space of a folder's file system. */
  @FunctionalInterface
  interface Space {
    long usableBytes(Path folder) throws IOException;
  }

  /**
   * Opens a store in a folder, which is created if absent.
   *
   * @throws CheckpointWriteException when it cannot be created
   */
  public CheckpointStore(Path root) {
    this(root, folder -> Files.getFileStore(folder).getUsableSpace());
  }

  CheckpointStore(Path root, Space space) {
    this.root = root;
    this.space = space;
    try {
      Files.createDirectories(root);
    } catch (IOException e) {
      throw new CheckpointWriteException(
          "cannot create the folder for checkpoints %s: %s; make it writable, or take another --out"
              .formatted(root, reason(e)),
          e);
    }
  }

  /**
   * Refuses a checkpoint for which there is not enough space: its arrays, a twentieth for the file
   * format, and some spare space.
   *
   * @throws CheckpointWriteException when the file system has less
   */
  void requireSpace(String name, Map<String, Parameters> groups) {
    requireSpace(name, groups.values().stream().mapToLong(Parameters::bytes).sum());
  }

  private void requireSpace(String name, long arrays) {
    long needed = arrays + arrays / 20 + SPARE_BYTES;
    long free;
    try {
      free = space.usableBytes(root);
    } catch (IOException e) {
      log.debug("cannot tell the free space of {}", root, e);
      return;
    }
    if (free < needed) {
      throw failed(
          name,
          "it needs %d MiB and the disk has %d MiB free".formatted((needed >> 20) + 1, free >> 20),
          null);
    }
  }

  /** One sentence on what went wrong, one on what is still intact, and one on what to do. */
  private CheckpointWriteException failed(String name, String why, @Nullable Exception cause) {
    return new CheckpointWriteException(
        "cannot save the checkpoint %s: %s. %s. Correct that and run the same command to resume"
            .formatted(root.resolve(name), why, standing()),
        cause);
  }

  private String standing() {
    try {
      List<String> names = names();
      return names.isEmpty()
          ? "There is none before it"
          : "The one before it, " + names.get(names.size() - 1) + ", is as it was";
    } catch (UncheckedIOException e) {
      return "Those before it cannot be seen either";
    }
  }

  private static String reason(Exception e) {
    Throwable cause = e instanceof UncheckedIOException io ? io.getCause() : e;
    if (cause instanceof FileSystemException file) {
      String reason = file.getReason() == null ? "" : file.getReason();
      return (cause instanceof AccessDeniedException ? "no permission" : kind(cause, reason))
          + " at "
          + file.getFile();
    }
    return String.valueOf(cause == null ? e.getMessage() : cause.getMessage());
  }

  private static String kind(Throwable cause, String reason) {
    if (!reason.isEmpty()) {
      return reason;
    }
    return cause instanceof FileAlreadyExistsException
        ? "something that is not a folder is"
        : cause.getClass().getSimpleName();
  }

  /**
   * Writes a checkpoint of arrays like {@link #commitTensors}, directly from their own memory.
   *
   * @param groups arrays by group, e.g. {@code parameters}, {@code mu}, {@code nu}
   * @return the checkpoint's folder
   * @throws CheckpointWriteException as {@link #commitTensors}
   */
  public Path commit(String name, Map<String, Parameters> groups, Map<String, Object> facts) {
    Map<String, List<Tensor>> tensors = new LinkedHashMap<>();
    groups.forEach((group, arrays) -> tensors.put(group, tensors(arrays)));
    return commitTensors(name, tensors, facts);
  }

  private static List<Tensor> tensors(Parameters arrays) {
    List<Tensor> tensors = new ArrayList<>();
    arrays.asMap().forEach((name, array) -> tensors.add(Tensor.of(name, array)));
    return tensors;
  }

  /**
   * Writes a checkpoint whose tensors are computed while they are written: contents to a temporary
   * folder, sync, manifest last with sizes and SHA-256, one rename. What an interrupted writer left
   * is removed first. A checkpoint of the same name is replaced.
   *
   * @param name folder name, sortable: {@code examples-000000001024}
   * @param groups float32 tensors by group; each group becomes one safetensors file
   * @param facts what else the checkpoint records (counts, config, lineage); JSON-like values
   * @return the checkpoint's folder
   * @throws CheckpointWriteException when there is no room for it or it cannot be written; nothing
   *     of it remains, and existing files are unchanged
   */
  public Path commitTensors(
      String name, Map<String, List<Tensor>> groups, Map<String, Object> facts) {
    requireSpace(
        name,
        groups.values().stream().flatMap(List::stream).mapToLong(t -> t.info().byteSize()).sum());
    return write(name, groups.keySet(), facts, folder -> written(folder, groups));
  }

  /**
   * Takes part in writing a checkpoint that several processes write, and returns when it is there,
   * or on other processes than the first when their part is.
   *
   * @param groups this process's parts of all tensors, by group
   * @param facts as above; those of the first process count
   * @throws CheckpointWriteException as {@link #commitTensors}
   */
  public Path commitParts(
      String name,
      Map<String, List<TensorPart>> groups,
      Map<String, Object> facts,
      SharedSave shared) {
    Path target = root.resolve(name);
    Map<String, List<TensorPart>> files = new LinkedHashMap<>();
    groups.forEach((group, parts) -> files.put(group + TrainingCheckpoint.SUFFIX, parts));
    if (!shared.isFirst()) {
      try {
        shared.contribute(Durable.unfinished(target), files);
      } catch (IOException | UncheckedIOException e) {
        throw failed(name, reason(e), e);
      }
      return target;
    }
    requireSpace(name, bytes(groups));
    return write(
        name,
        groups.keySet(),
        facts,
        folder -> {
          List<CheckpointManifest.Entry> entries = new ArrayList<>();
          for (Map.Entry<String, String> hash : shared.lead(folder, files).entrySet()) {
            long size = Files.size(folder.resolve(hash.getKey()));
            entries.add(new CheckpointManifest.Entry(hash.getKey(), size, hash.getValue()));
          }
          return entries;
        });
  }

  /** Refuses a checkpoint of parts like {@link #requireSpace(String, Map)}. */
  void requireSpaceForParts(String name, Map<String, List<TensorPart>> groups) {
    requireSpace(name, bytes(groups));
  }

  private static long bytes(Map<String, List<TensorPart>> groups) {
    return groups.values().stream()
        .flatMap(List::stream)
        .mapToLong(part -> part.whole().byteSize())
        .sum();
  }

  /** Writes all files but the manifest. */
  @FunctionalInterface
  private interface Content {
    List<CheckpointManifest.Entry> writeTo(Path folder) throws IOException;
  }

  private Path write(String name, Set<String> groups, Map<String, Object> facts, Content content) {
    requirePlain(name);
    groups.forEach(CheckpointStore::requirePlain);
    try {
      removeLeftovers();
    } catch (IOException e) {
      throw failed(name, "what an interrupted run left cannot be removed: " + reason(e), e);
    }
    Path target = root.resolve(name);
    try {
      Durable.folder(
          target,
          folder -> {
            List<CheckpointManifest.Entry> files = content.writeTo(folder);
            CheckpointManifest manifest =
                new CheckpointManifest(CheckpointManifest.VERSION, files, facts);
            Durable.write(folder.resolve(CheckpointManifest.FILE), manifest.toBytes());
          });
    } catch (UncheckedIOException e) {
      throw failed(name, reason(e), e);
    }
    damaged.remove(name);
    return target;
  }

  private static List<CheckpointManifest.Entry> written(
      Path folder, Map<String, List<Tensor>> groups) throws IOException {
    List<CheckpointManifest.Entry> files = new ArrayList<>();
    for (Map.Entry<String, List<Tensor>> group : groups.entrySet()) {
      String file = group.getKey() + TrainingCheckpoint.SUFFIX;
      WrittenFile written = SafetensorsWriter.write(folder.resolve(file), group.getValue());
      files.add(new CheckpointManifest.Entry(file, written.bytes(), written.sha256()));
    }
    return files;
  }

  /** As {@link #latest(Consumer)}, with messages only in the log. */
  public Optional<TrainingCheckpoint> latest() {
    return latest(passedOver -> {});
  }

  /**
   * The newest checkpoint whose manifest and files verify. Damaged ones are skipped with a warning.
   *
   * @param said receives a sentence about each one skipped
   * @throws CheckpointFormatException when the newest intact one is of a later version: resuming
   *     from an older one would discard its work
   */
  public Optional<TrainingCheckpoint> latest(Consumer<String> said) {
    return newest(CheckpointStore::open, said);
  }

  /**
   * The newest checkpoint whose files have the sizes of its manifest, without reading them. Others
   * are skipped with a warning.
   *
   * @throws CheckpointFormatException as {@link #latest(Consumer)}
   */
  public Optional<TrainingCheckpoint> newest() {
    return newest(CheckpointStore::peek, passedOver -> {});
  }

  private Optional<TrainingCheckpoint> newest(
      Function<Path, TrainingCheckpoint> opener, Consumer<String> said) {
    List<String> names = new ArrayList<>(names());
    Collections.reverse(names);
    for (String name : names) {
      try {
        requireOwnName(name, CheckpointManifest.read(root.resolve(name)));
        return Optional.of(opener.apply(root.resolve(name)));
      } catch (CheckpointFormatException e) {
        if (e.kind() == Kind.TOO_NEW) {
          throw e;
        }
        String sentence = "skipped a checkpoint that is %s: %s".formatted(e.kind(), e.getMessage());
        log.warn(sentence);
        said.accept(sentence);
        damaged.add(name);
      }
    }
    return Optional.empty();
  }

  /** Checks that a checkpoint has the name that belongs to its number of examples. */
  private void requireOwnName(String name, CheckpointManifest manifest) {
    if (manifest.facts().get("examples") instanceof Number examples
        && !name.equals("examples-%012d".formatted(examples.longValue()))) {
      throw new CheckpointFormatException(
          Kind.FOREIGN,
          root.resolve(name),
          "contains the checkpoint at %d examples under another name: it was renamed or copied"
              .formatted(examples.longValue()));
    }
  }

  private void removeLeftovers() throws IOException {
    for (Path leftover : Durable.removeLeftovers(root)) {
      log.warn("removed {}, left by an interrupted run", leftover);
    }
  }

  /** Where the checkpoint of a name is. */
  public Path folder(String name) {
    return root.resolve(name);
  }

  /** Names of all checkpoint folders, unverified, oldest first. */
  public List<String> names() {
    try (var entries = Files.list(root)) {
      return entries
          .filter(Files::isDirectory)
          .map(p -> String.valueOf(p.getFileName()))
          .filter(name -> NAME.matcher(name).matches())
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + root, e);
    }
  }

  /**
   * Removes all but the newest {@code keep}, and never those in {@code pinned}. A folder without a
   * manifest and files of its sizes, with another name than in its manifest, or found damaged by
   * {@link #latest()}, is neither counted nor removed, so that it does not displace intact ones.
   */
  public void retain(int keep, Set<String> pinned) {
    try {
      removeLeftovers();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot clear leftovers in " + root, e);
    }
    List<String> whole =
        names().stream().filter(name -> !damaged.contains(name) && isWhole(name)).toList();
    for (String name : whole.subList(0, Math.max(0, whole.size() - keep))) {
      if (!pinned.contains(name)) {
        Durable.remove(root.resolve(name));
        log.debug("removed checkpoint {}", name);
      }
    }
  }

  private boolean isWhole(String name) {
    try {
      requireOwnName(name, TrainingCheckpoint.openUnverified(root.resolve(name)).manifest());
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

  /**
   * Opens one checkpoint folder whose files have the sizes of its manifest, without reading them.
   *
   * @throws CheckpointFormatException when it is visibly damaged, too new, or something else
   */
  public static TrainingCheckpoint peek(Path folder) {
    return TrainingCheckpoint.openUnverified(folder);
  }

  private static void requirePlain(String name) {
    if (!PlainName.matches(name)) {
      throw new IllegalArgumentException(
          "'%s' is not a plain name of letters, digits, dots, dashes and underscores"
              .formatted(name));
    }
  }
}
