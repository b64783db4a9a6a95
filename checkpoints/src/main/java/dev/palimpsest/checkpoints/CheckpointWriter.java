package dev.palimpsest.checkpoints;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.tensors.TensorPart;
import dev.palimpsest.files.Daemons;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.FloatArrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Saves checkpoints while training goes on. {@link #save} copies the arrays and returns; a separate
 * thread writes, syncs and renames the copy. At most one save is in progress, so that the copies
 * take the memory of at most one state: a save that comes too early waits for the previous one.
 *
 * <p>A failed save is thrown once by the next {@link #check}, {@link #save}, {@link #await} or
 * {@link #close}, whichever comes first. Not thread-safe.
 */
public final class CheckpointWriter implements AutoCloseable {
  private final CheckpointStore store;
  private final NDManager manager;
  private final boolean copies;
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(Daemons.named("checkpoint-writer"));
  private @Nullable Future<Long> inFlight;
  private Times times = Times.NONE;

  /**
   * The cost of saving since the last query.
   *
   * @param saves number of checkpoints that became visible
   * @param stallNanos time for which {@link #save} and {@link #await} blocked their caller
   * @param writeNanos time for which the thread wrote
   */
  public record Times(int saves, long stallNanos, long writeNanos) {
    /** Nothing. */
    public static final Times NONE = new Times(0, 0, 0);

    /** The sum of both. */
    public Times plus(Times other) {
      return new Times(
          saves + other.saves, stallNanos + other.stallNanos, writeNanos + other.writeNanos);
    }
  }

  /**
   * Creates a writer for a store.
   *
   * @param manager copies live in children of it until they are written
   * @param copies whether arrays are copied; if not, {@link #save} returns when they are written
   */
  public CheckpointWriter(CheckpointStore store, NDManager manager, boolean copies) {
    this.store = store;
    this.manager = manager;
    this.copies = copies;
  }

  /**
   * Copies the arrays and starts writing them as {@link CheckpointStore#commit} does.
   *
   * @param before runs on the writing thread first: writes what must be on disk before the
   *     checkpoint is visible
   * @param after runs there when the checkpoint is visible
   * @throws CheckpointWriteException when there is no space for it, or the previous save failed
   */
  public void save(
      String name,
      Map<String, Parameters> groups,
      Map<String, Object> facts,
      Runnable before,
      Runnable after) {
    Map<String, Object> fixedFacts = new LinkedHashMap<>(facts);
    begin(
        () -> store.requireSpace(name, groups),
        own -> {
          Map<String, Parameters> written = new LinkedHashMap<>(groups);
          if (copies) {
            written.replaceAll((group, arrays) -> copy(own, arrays));
          }
          return () -> store.commit(name, written, fixedFacts);
        },
        before,
        after);
  }

  /**
   * The same together with other processes, see {@link CheckpointStore#commitParts}.
   *
   * @param groups this process's parts of all tensors
   */
  public void saveParts(
      String name,
      Map<String, List<TensorPart>> groups,
      Map<String, Object> facts,
      SharedSave shared,
      Runnable before,
      Runnable after) {
    Map<String, Object> fixedFacts = new LinkedHashMap<>(facts);
    begin(
        () -> {
          if (shared.isFirst()) {
            store.requireSpaceForParts(name, groups);
          }
        },
        own -> {
          Map<String, List<TensorPart>> written = new LinkedHashMap<>(groups);
          if (copies) {
            written.replaceAll(
                (group, parts) ->
                    parts.stream()
                        .map(part -> part.with(FloatArrays.copy(own, Device.cpu(), part.own())))
                        .toList());
          }
          return () -> store.commitParts(name, written, fixedFacts, shared);
        },
        before,
        after);
  }

  private void begin(
      Runnable check, Function<NDManager, Runnable> copied, Runnable before, Runnable after) {
    long began = System.nanoTime();
    await();
    check.run();
    NDManager own = manager.newSubManager();
    Runnable commit;
    try {
      commit = copied.apply(own);
    } catch (RuntimeException e) {
      own.close();
      throw e;
    }
    inFlight =
        thread.submit(
            () -> {
              long writing = System.nanoTime();
              try (own) {
                before.run();
                commit.run();
                after.run();
              }
              return System.nanoTime() - writing;
            });
    times = times.plus(new Times(0, System.nanoTime() - began, 0));
    if (!copies) {
      await();
    }
  }

  private static Parameters copy(NDManager parent, Parameters arrays) {
    NDManager own = parent.newSubManager();
    Map<String, NDArray> copies = new LinkedHashMap<>();
    arrays
        .asMap()
        .forEach(
            (name, array) -> {
              NDArray copy = FloatArrays.copy(own, Device.cpu(), array);
              copies.put(name, copy);
            });
    return new Parameters(own, copies);
  }

  /**
   * Says whether the last save failed, without waiting for it.
   *
   * @throws CheckpointWriteException when it did
   */
  public void check() {
    if (inFlight != null && inFlight.isDone()) {
      await();
    }
  }

  /**
   * Waits until the last save is visible.
   *
   * @throws CheckpointWriteException when it failed
   */
  public void await() {
    Future<Long> last = inFlight;
    if (last == null) {
      return;
    }
    inFlight = null;
    long began = System.nanoTime();
    boolean interrupted = false;
    try {
      while (true) {
        try {
          long writeNanos = last.get();
          times = times.plus(new Times(1, System.nanoTime() - began, writeNanos));
          return;
        } catch (InterruptedException e) {
          interrupted =
              true; // half a checkpoint is useless: keep waiting, and tell the caller later
        }
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** The cost of saving since the last call. */
  public Times takeTimes() {
    Times taken = times;
    times = Times.NONE;
    return taken;
  }

  /** Waits for the last save and ends the thread. */
  @Override
  public void close() {
    try {
      await();
    } finally {
      thread.shutdown();
    }
  }
}
