package dev.palimpsest.model.ranks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.model.kernels.FloatArrays;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Ranks whose GPUs are connected by NCCL, one GPU each. Operations take their turn on the stream on
 * which libtorch computes; each waits until it is done, because a failure has to be noticed before
 * anyone reads what it has left. Those that are begun ({@link #begin}) have a stream of their own,
 * on which libtorch also adds up and allocates for them.
 */
final class NcclRanks extends Connected {
  /** Longer would be a good part of a small operation. */
  private static final long LOOK_NANOS = 20_000;

  private static final long IDLE_LOOK_NANOS = 2_000_000;

  /** Processes may start some time after one another, however short their operations are. */
  private static final Duration START = Duration.ofMinutes(5);

  private final Nccl nccl;
  private final CudaStream computing;

  /** Of operations that are begun; null: they have none. */
  private final @Nullable CudaStream beside;

  private final NDManager manager;
  private final String transport;

  private NcclRanks(
      Nccl nccl,
      CudaStream computing,
      @Nullable CudaStream beside,
      NDManager manager,
      Watchdog watchdog,
      Group g) {
    super(watchdog, g.rank(), g.size(), beside != null);
    this.nccl = nccl;
    this.computing = computing;
    this.beside = beside;
    this.manager = manager;
    this.transport = nccl.version();
  }

  private NcclRanks(Nccl part, NcclRanks whole, int rank, int size) {
    super(whole, rank, size);
    this.nccl = part;
    this.computing = whole.computing;
    this.beside = whole.beside;
    this.manager = whole.manager;
    this.transport = whole.transport;
  }

  /**
   * Joins the group.
   *
   * @param manager of arrays on this rank's GPU
   * @param limit how long to wait for the others, and at least five minutes
   * @param watchdog closed with this
   * @param overlaps whether operations that are begun get a stream of their own
   * @throws CollectiveException when the ranks cannot be connected
   */
  static NcclRanks join(
      Group group,
      NDManager manager,
      Map<String, String> environment,
      Duration limit,
      Watchdog watchdog,
      boolean overlaps) {
    if (group.host() == null || group.port() == 0) {
      throw Transport.mistake(
          "the launcher does not say where rank 0 is; set MASTER_ADDR to its host and MASTER_PORT to a free port there (with mpirun: -x MASTER_ADDR=... -x MASTER_PORT=...)");
    }
    CudaStream stream = CudaStream.of(manager.getDevice(), environment);
    Nccl nccl = Nccl.load(environment);
    byte[] id =
        Rendezvous.meet(
            group,
            group.rank() == 0 ? nccl.newId() : new byte[Nccl.ID_BYTES],
            limit.compareTo(START) > 0 ? limit : START);
    CudaStream beside = overlaps ? stream.another() : null;
    NcclRanks ranks = new NcclRanks(nccl, stream, beside, manager, watchdog, group);
    stream.select();
    ranks.during("the connection", () -> nccl.connect(id, group.rank(), group.size()));
    ranks.barrier();
    watchdog.arm();
    return ranks;
  }

  @Override
  public String transport() {
    return transport;
  }

  /** The calling thread's. */
  private CudaStream stream() {
    return beside != null && runsBeside() ? beside : computing;
  }

  @Override
  Runnable computed() {
    CudaStream own = Objects.requireNonNull(beside);
    computing.select();
    long mark = computing.mark();
    return () -> {
      own.select();
      own.makeLibtorchs();
      own.waitFor(mark);
    };
  }

  @Override
  void settle() {
    stream().await();
  }

  // ---- arrays

  @Override
  public void sum(NDArray array) {
    onDevice(
        array,
        there ->
            run(
                "the sum of %,d numbers".formatted(array.size()),
                () -> nccl.sum(TensorMemory.address(there), there.size(), stream())));
  }

  @Override
  public void reduceScatter(NDArray array, Parts parts) {
    requireWhole(array, parts);
    onDevice(
        array,
        there ->
            run(
                "the divided sum of %,d numbers".formatted(array.size()),
                () ->
                    eachPart(
                        parts,
                        (r, n) -> nccl.reduce(address(there, parts.from(r)), n, r, stream()))));
  }

  @Override
  public void reduceScatterInOrder(NDArray array, Parts parts) {
    requireWhole(array, parts);
    requirePowerOfTwo();
    onDevice(
        array,
        there -> {
          try (OrderedSum sum = new OrderedSum(there, parts, size)) {
            for (long at = 0; at < parts.longest(); at += sum.chunk()) {
              addInOrder(there, parts, at, sum);
            }
          }
        });
  }

  /** Every rank sends to every other what that one adds up. */
  private void addInOrder(NDArray array, Parts parts, long at, OrderedSum sum) {
    long own = chunk(parts, rank, at, sum);
    run(
        "the ordered sum of %,d numbers".formatted(array.size()),
        () -> {
          for (int r = 0; r < size; r++) {
            long others = chunk(parts, r, at, sum);
            if (r != rank && others > 0) {
              nccl.send(address(array, parts.from(r) + at), others, r, stream());
            }
            if (r != rank && own > 0) {
              nccl.receive(sum.address(r, own), own, r, stream());
            }
          }
        });
    if (own > 0) {
      long from = parts.from(rank) + at;
      try (NDArray mine = sum.version(rank, own);
          NDArray flat = array.reshape(array.size());
          NDArray part = flat.get(from + ":" + (from + own))) {
        FloatArrays.assign(mine, part);
      }
      sum.addTo(array, from, own);
    }
  }

  private static long chunk(Parts parts, int rank, long at, OrderedSum sum) {
    return Math.max(0, Math.min(sum.chunk(), parts.length(rank) - at));
  }

  @Override
  public void allGather(NDArray array, Parts parts) {
    requireWhole(array, parts);
    long unit = FloatArrays.type(array).bytes();
    onDevice(
        array,
        there ->
            run(
                "the gathering of %,d numbers".formatted(array.size()),
                () ->
                    eachPart(
                        parts,
                        (r, n) -> {
                          long from = TensorMemory.address(there) + unit * parts.from(r);
                          nccl.broadcast(from, unit * n, Nccl.Type.BYTES, r, stream());
                        })));
  }

  @Override
  public void broadcast(NDArray array, int from) {
    onDevice(
        array,
        there ->
            run(
                "the distribution of %,d numbers".formatted(array.size()),
                () ->
                    nccl.broadcast(
                        TensorMemory.address(there),
                        there.size() * FloatArrays.type(there).bytes(),
                        Nccl.Type.BYTES,
                        from,
                        stream())));
  }

  /** A part of an operation. */
  private interface EachPart {
    void run(int rank, long length);
  }

  private void eachPart(Parts parts, EachPart operation) {
    for (int r = 0; r < size; r++) {
      if (parts.length(r) > 0) {
        operation.run(r, parts.length(r));
      }
    }
  }

  private static long address(NDArray array, long element) {
    return TensorMemory.address(array) + Float.BYTES * element;
  }

  private void onDevice(NDArray array, Consumer<NDArray> operation) {
    TensorMemory.on(manager.getDevice(), array, operation);
  }

  // ---- bytes

  @Override
  public byte[] broadcast(byte[] bytes, int from) {
    int length = (int) max("the distribution of a message", rank == from ? bytes.length : 0);
    if (length == 0) {
      return new byte[0];
    }
    try (NDArray there = upload(Arrays.copyOf(bytes, length))) {
      run(
          "the distribution of a message",
          () ->
              nccl.broadcast(TensorMemory.address(there), length, Nccl.Type.BYTES, from, stream()));
      return there.toByteArray();
    }
  }

  @Override
  public List<byte[]> gather(byte[] bytes) {
    long[] lengths = new long[size];
    lengths[rank] = bytes.length;
    try (NDArray there = manager.create(lengths)) {
      run(
          "the exchange of messages",
          () -> {
            for (int r = 0; r < size; r++) {
              long address = TensorMemory.address(there) + (long) Long.BYTES * r;
              nccl.broadcast(address, 1, Nccl.Type.LONGS, r, stream());
            }
          });
      lengths = there.toLongArray();
    }
    int[] places = new int[size + 1];
    for (int r = 0; r < size; r++) {
      places[r + 1] = Math.addExact(places[r], (int) lengths[r]);
    }
    return gather(bytes, places);
  }

  private List<byte[]> gather(byte[] bytes, int[] places) {
    byte[] all = new byte[Math.max(1, places[size])];
    System.arraycopy(bytes, 0, all, places[rank], bytes.length);
    try (NDArray there = upload(all)) {
      run(
          "the exchange of messages",
          () -> {
            for (int r = 0; r < size; r++) {
              long length = (long) places[r + 1] - places[r];
              if (length > 0) {
                long address = TensorMemory.address(there) + places[r];
                nccl.broadcast(address, length, Nccl.Type.BYTES, r, stream());
              }
            }
          });
      all = there.toByteArray();
    }
    List<byte[]> messages = new ArrayList<>();
    for (int r = 0; r < size; r++) {
      messages.add(Arrays.copyOfRange(all, places[r], places[r + 1]));
    }
    return messages;
  }

  private NDArray upload(byte[] bytes) {
    return manager.create(ByteBuffer.wrap(bytes), new Shape(bytes.length), DataType.INT8);
  }

  private long max(String what, long mine) {
    try (NDArray one = manager.create(new long[] {mine})) {
      run(what, () -> nccl.max(TensorMemory.address(one), stream()));
      return one.getLong(0);
    }
  }

  @Override
  public boolean any(boolean mine) {
    return max("the agreement", mine ? 1 : 0) == 1;
  }

  @Override
  public void barrier() {
    max("the barrier", 0);
  }

  @Override
  public void await() {
    finish();
    computing.select();
    try (NDArray one = manager.create(new long[] {0})) {
      nccl.max(TensorMemory.address(one), computing);
      while (!computing.isDone()) {
        requireNoError();
        LockSupport.parkNanos(IDLE_LOOK_NANOS);
      }
      requireNoError();
    } catch (CollectiveException e) {
      nccl.abort();
      throw failed("the wait for the other ranks", e);
    }
  }

  // ---- one operation

  /**
   * Puts NCCL's calls on the stream and waits for their end.
   *
   * @throws CollectiveException when they fail, or take too long; then nothing more can be done
   *     with the other ranks
   */
  private void run(String what, Runnable calls) {
    finish();
    CudaStream stream = stream();
    stream.select();
    if (stream == computing) {
      stream.await(); // what is still being computed is no waiting for others
    }
    during(
        what,
        () -> {
          try {
            requireConnected();
            nccl.group(calls);
            watchdog.polled();
            while (!stream.isDone()) {
              requireNoError();
              requireInTime();
              LockSupport.parkNanos(LOOK_NANOS);
            }
            requireNoError();
          } catch (CollectiveException e) {
            nccl.abort();
            throw e;
          }
        });
  }

  private void requireConnected() {
    if (!nccl.isConnected()) {
      throw new CollectiveException("an operation before has failed", null);
    }
  }

  private void requireNoError() {
    String error = nccl.asyncError();
    if (!error.isEmpty()) {
      throw new CollectiveException(error, null);
    }
  }

  private void requireInTime() {
    String overdue = watchdog.overdue();
    if (overdue != null) {
      throw new CollectiveException(overdue, null);
    }
  }

  /** The first of each part makes what its ranks need to connect, and all are told. */
  @Override
  Connected part(int group) {
    List<byte[]> groups = gather(ByteBuffer.allocate(Integer.BYTES).putInt(group).array());
    List<Integer> members = new ArrayList<>();
    for (int r = 0; r < size; r++) {
      if (ByteBuffer.wrap(groups.get(r)).getInt() == group) {
        members.add(r);
      }
    }
    List<byte[]> ids = gather(members.get(0) == rank ? nccl.newId() : new byte[0]);
    Nccl own = nccl.another();
    int place = members.indexOf(rank);
    computing.select();
    during(
        "the division into groups",
        () -> own.connect(ids.get(members.get(0)), place, members.size()));
    return new NcclRanks(own, this, place, members.size());
  }

  @Override
  void end(boolean isPart) {
    computing.select();
    during("the end of NCCL", nccl::end);
  }
}
