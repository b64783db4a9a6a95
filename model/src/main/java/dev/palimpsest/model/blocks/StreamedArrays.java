package dev.palimpsest.model.blocks;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.files.Daemons;
import dev.palimpsest.model.kernels.DirectFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Objects;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Arrays of a file that are in memory while they are lent, and shortly before and after. A thread
 * reads ahead what the last step used next, and writes changed arrays back when it needs their
 * memory. Of the arrays in memory the one that is used last goes first, which reads least (Belady
 * 1966).
 */
final class StreamedArrays implements AutoCloseable {
  /** Of copies; closed here, when no thread fills them any more. */
  private final NDManager owner = NDManager.newBaseManager(Device.cpu(), "PyTorch");

  private final DirectFile file;
  private final Precision type;
  private final long window;
  private final Map<String, Place> places;
  private final Thread thread = Daemons.thread("arrays-on-disk", this::work);

  // ---- all that follows is guarded by this object

  private final Map<String, Copy> copies = new LinkedHashMap<>();
  private final Map<Shape, Deque<DirectFile.Memory>> spare = new HashMap<>();

  /** What somebody waits for; it remains in memory until he has got it. */
  private final Deque<String> wanted = new ArrayDeque<>();

  /** Bytes of copies, and of memory that was theirs. */
  private long used;

  /** What the last step used, in order, and where in it each name is. */
  private List<String> before = List.of();

  private final Map<String, NavigableSet<Integer>> uses = new HashMap<>();
  private List<String> now = new ArrayList<>();

  /** The place in {@link #before} that comes next. */
  private int at;

  /** Somebody uses the file otherwise, so that nothing may be read ahead. */
  private boolean resting;

  private boolean closed;
  private @Nullable Throwable failure;

  /**
   * Where an array is.
   *
   * @param at byte of the file
   */
  record Place(Shape shape, long at) {}

  private static final class Copy {
    final DirectFile.Memory memory;
    int users;
    boolean changed;
    boolean moving = true; // being read or written

    Copy(DirectFile.Memory memory) {
      this.memory = memory;
    }
  }

  /**
   * Streams arrays of a file.
   *
   * @param file closed with this
   * @param window bytes of memory for copies; more is taken only while more is lent at once
   */
  StreamedArrays(DirectFile file, Precision type, long window, Map<String, Place> places) {
    this.file = file;
    this.type = type;
    this.window = window;
    this.places = places;
    thread.start();
  }

  boolean contains(String name) {
    return places.containsKey(name);
  }

  /** A step begins, which is expected to use the same arrays in the same order as the last one. */
  synchronized void begin() {
    if (!now.isEmpty()) {
      before = now;
      uses.clear();
      for (int i = 0; i < before.size(); i++) {
        uses.computeIfAbsent(before.get(i), name -> new TreeSet<>()).add(i);
      }
      now = new ArrayList<>();
    }
    at = 0;
  }

  /**
   * An array, in memory until the loan is closed.
   *
   * @param changes whether the borrower changes it
   * @throws UncheckedIOException when the disk fails
   */
  synchronized Parameters.Loan lend(String name, boolean changes) {
    resting = false;
    now.add(name);
    Integer expected = uses.getOrDefault(name, new TreeSet<>()).ceiling(at);
    if (expected != null) {
      at = expected + 1;
    }
    Copy copy = Objects.requireNonNull(await(name, true));
    wanted.remove(name);
    copy.users++;
    copy.changed |= changes;
    notifyAll();
    return new Loan(copy);
  }

  private final class Loan implements Parameters.Loan {
    private final Copy copy;
    private boolean returned;

    Loan(Copy copy) {
      this.copy = copy;
    }

    @Override
    public NDArray array() {
      return copy.memory.array();
    }

    @Override
    public void close() {
      synchronized (StreamedArrays.this) {
        if (!returned) {
          returned = true;
          copy.users--;
          StreamedArrays.this.notifyAll();
        }
      }
    }
  }

  /**
   * Puts an array into the file alone, until arrays are lent again.
   *
   * @throws IllegalStateException when it is lent
   */
  synchronized void settle(String name) {
    resting = true;
    Copy copy = await(name, false);
    if (copy == null) {
      return;
    }
    if (copy.users > 0) {
      throw new IllegalStateException(name + " is in use");
    }
    try {
      if (copy.changed) {
        file.write(copy.memory, place(name).at());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    remove(name);
  }

  /**
   * An array's copy once it is neither read nor written.
   *
   * @param asks whether to bring one to memory if there is none
   */
  private @Nullable Copy await(String name, boolean asks) {
    Copy copy = copies.get(name);
    while (copy == null ? asks : copy.moving) {
      if (failure != null) {
        String message = "cannot bring %s from disk: %s".formatted(name, failure.getMessage());
        throw failure instanceof IOException disk
            ? new UncheckedIOException(message, disk)
            : new IllegalStateException(message, failure);
      }
      if (copy == null && !wanted.contains(name)) {
        wanted.add(name);
      }
      notifyAll();
      try {
        wait();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted while an array is read", e);
      }
      copy = copies.get(name);
    }
    return copy;
  }

  // ---- the thread that reads and writes

  /** An array to be read, or one to be written before its memory is taken. */
  private record Task(String name, Copy copy, boolean reads) {}

  private void work() {
    try {
      for (Task task = take(); task != null; task = take()) {
        long place = place(task.name()).at();
        if (task.reads()) {
          file.read(task.copy().memory, place);
        } else {
          file.write(task.copy().memory, place);
        }
        done(task);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException | RuntimeException | Error e) {
      fail(e); // whoever waits has to know
    }
  }

  private synchronized void fail(Throwable e) {
    failure = e;
    notifyAll();
  }

  private synchronized void done(Task task) {
    task.copy().moving = false;
    if (!task.reads()) {
      remove(task.name());
    }
    notifyAll();
  }

  private synchronized @Nullable Task take() throws InterruptedException {
    while (!closed) {
      Task task = next();
      if (task != null) {
        task.copy().moving = true;
        return task;
      }
      wait();
    }
    return null;
  }

  private @Nullable Task next() {
    String asked =
        wanted.stream().filter(name -> !copies.containsKey(name)).findFirst().orElse(null);
    String name = asked != null ? asked : expected();
    if (name == null) {
      return null;
    }
    Shape shape = place(name).shape();
    while (spare(shape).isEmpty() && used + bytes(shape) > window) {
      if (freeSpare()) {
        continue;
      }
      String victim = lastUsed();
      if (victim == null || (asked == null && nextUse(victim) <= nextUse(name))) {
        if (asked == null) {
          return null;
        }
        break; // more is lent at once than the window holds
      }
      Copy copy = Objects.requireNonNull(copies.get(victim));
      if (copy.changed) {
        return new Task(victim, copy, false);
      }
      remove(victim);
    }
    DirectFile.Memory memory = spare(shape).poll();
    if (memory == null) {
      memory = DirectFile.Memory.of(owner, shape, type);
      used += bytes(shape);
    }
    Copy copy = new Copy(memory);
    copies.put(name, copy);
    return new Task(name, copy, true);
  }

  /** What is not in memory and will be used next, if it is near enough to be read ahead. */
  private @Nullable String expected() {
    long ahead = 0;
    for (int i = 0; !resting && i < before.size(); i++) {
      String name = before.get((at + i) % before.size());
      ahead += bytes(place(name).shape());
      if (ahead > window) {
        return null;
      }
      if (!copies.containsKey(name)) {
        return name;
      }
    }
    return null;
  }

  /** The array in memory whose next use is last, of those that nobody uses. */
  private @Nullable String lastUsed() {
    String last = null;
    for (Map.Entry<String, Copy> entry : copies.entrySet()) {
      Copy copy = entry.getValue();
      if (copy.users == 0
          && !copy.moving
          && !wanted.contains(entry.getKey())
          && (last == null || nextUse(entry.getKey()) > nextUse(last))) {
        last = entry.getKey();
      }
    }
    return last;
  }

  /** How many others will be used before, as far as that is known. */
  private int nextUse(String name) {
    NavigableSet<Integer> all = uses.get(name);
    if (all == null) {
      return Integer.MAX_VALUE;
    }
    Integer here = all.ceiling(at);
    return here != null ? here : before.size() + all.first();
  }

  private void remove(String name) {
    Copy copy = Objects.requireNonNull(copies.remove(name), name);
    spare(place(name).shape()).push(copy.memory);
  }

  private Deque<DirectFile.Memory> spare(Shape shape) {
    return spare.computeIfAbsent(shape, any -> new ArrayDeque<>());
  }

  /** Frees memory of an array of another shape. */
  private boolean freeSpare() {
    for (Map.Entry<Shape, Deque<DirectFile.Memory>> entry : spare.entrySet()) {
      DirectFile.Memory memory = entry.getValue().poll();
      if (memory != null) {
        memory.close();
        used -= bytes(entry.getKey());
        return true;
      }
    }
    return false;
  }

  private Place place(String name) {
    return Objects.requireNonNull(places.get(name), name);
  }

  private long bytes(Shape shape) {
    return DirectFile.rounded(shape.size() * type.bytes());
  }

  /** Ends the thread and frees the copies. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      notifyAll();
    }
    try {
      thread.join();
      owner.close();
      file.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
