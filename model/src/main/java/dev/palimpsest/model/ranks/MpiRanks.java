package dev.palimpsest.model.ranks;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.model.kernels.FloatArrays;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Ranks connected by MPI. Arrays on a GPU take the way through the computer's memory, since not
 * every MPI can read a GPU's.
 */
final class MpiRanks extends Connected {
  /** Floats an operation: its count is an int, and 1 GiB keeps its bytes below 2^31 as well. */
  private static final long CHUNK = 1L << 28;

  private static final long LOOK_NANOS = 2_000_000;

  private final Mpi mpi;
  private final String transport;

  private MpiRanks(Mpi mpi, Watchdog watchdog, int rank, int size, boolean beside) {
    super(watchdog, rank, size, beside);
    this.mpi = mpi;
    this.transport = mpi.version();
  }

  private MpiRanks(Mpi part, MpiRanks whole) {
    super(whole, part.rank(), part.size());
    this.mpi = part;
    this.transport = whole.transport;
  }

  /**
   * Joins the group.
   *
   * @param rank of this process, as its launcher says
   * @param size the number of processes, as the launcher says
   * @param watchdog closed with this
   * @param beside whether a processor is spare for operations beside the computing
   * @throws CollectiveException when MPI cannot begin, or finds another group
   */
  static MpiRanks join(
      int rank, int size, Map<String, String> environment, Watchdog watchdog, boolean beside) {
    watchdog.begin("MPI_Init");
    Mpi mpi = Mpi.begin(environment);
    if (mpi.size() != size || mpi.rank() != rank) {
      throw new CollectiveException(
          "this process is rank %d of %d by its environment, but rank %d of %d for %s: the library is not the launcher's; name the launcher's in PALIMPSEST_MPI"
              .formatted(rank, size, mpi.rank(), mpi.size(), mpi.version()),
          null);
    }
    MpiRanks ranks = new MpiRanks(mpi, watchdog, rank, size, beside && mpi.isForAnyThread());
    ranks.barrier();
    watchdog.arm();
    return ranks;
  }

  @Override
  public String transport() {
    return transport;
  }

  // ---- arrays

  @Override
  public void sum(NDArray array) {
    onHost(
        array,
        host ->
            during(
                "the sum of %,d numbers".formatted(array.size()),
                () -> {
                  long address = TensorMemory.address(host);
                  chunks(
                      0, host.size(), CHUNK, (at, n) -> mpi.allReduce(address + 4 * at, (int) n));
                }));
  }

  @Override
  public void reduceScatter(NDArray array, Parts parts) {
    requireWhole(array, parts);
    onHost(
        array,
        host ->
            during(
                "the divided sum of %,d numbers".formatted(array.size()),
                () -> reduceScatterOnHost(host, parts)));
  }

  private void reduceScatterOnHost(NDArray array, Parts parts) {
    long address = TensorMemory.address(array);
    if (parts.total() > CHUNK) {
      for (int r = 0; r < size; r++) {
        int owner = r;
        chunks(
            parts.from(r),
            parts.to(r),
            CHUNK,
            (at, n) -> mpi.reduce(address + 4 * at, (int) n, owner, owner == rank));
      }
      return;
    }
    // MPI_IN_PLACE would leave a rank's part at the beginning of the array, over another rank's.
    try (NDManager scope = array.getManager().newSubManager();
        NDArray mine = scope.create(new Shape(Math.max(1, parts.length(rank))))) {
      mpi.reduceScatter(address, TensorMemory.address(mine), counts(parts));
      if (parts.length(rank) > 0) {
        try (NDArray own = parts.of(array, rank)) {
          FloatArrays.assign(own, mine);
        }
      }
    }
  }

  @Override
  public void reduceScatterInOrder(NDArray array, Parts parts) {
    requireWhole(array, parts);
    requirePowerOfTwo();
    onHost(
        array,
        host ->
            during(
                "the ordered sum of %,d numbers".formatted(array.size()),
                () -> inOrder(host, parts)));
  }

  private void inOrder(NDArray array, Parts parts) {
    long address = TensorMemory.address(array);
    try (OrderedSum sum = new OrderedSum(array, parts, size)) {
      for (int r = 0; r < size; r++) {
        int owner = r;
        chunks(
            parts.from(r),
            parts.to(r),
            sum.chunk(),
            (at, n) -> {
              mpi.gather(address + 4 * at, (int) n, sum.address(0, n), owner);
              if (owner == rank) {
                sum.addTo(array, at, n);
              }
            });
      }
    }
  }

  @Override
  public void allGather(NDArray array, Parts parts) {
    requireWhole(array, parts);
    onHost(
        array,
        host ->
            during(
                "the gathering of %,d numbers".formatted(array.size()),
                () -> {
                  long address = TensorMemory.address(host);
                  int unit = FloatArrays.type(host).bytes();
                  if (unit * parts.total() <= 4 * CHUNK) {
                    mpi.allGather(address, times(counts(parts), unit), times(places(parts), unit));
                    return;
                  }
                  for (int r = 0; r < size; r++) {
                    broadcastBytes(address, unit * parts.from(r), unit * parts.to(r), r);
                  }
                }));
  }

  @Override
  public void broadcast(NDArray array, int from) {
    onHost(
        array,
        host ->
            during(
                "the distribution of %,d numbers".formatted(array.size()),
                () ->
                    broadcastBytes(
                        TensorMemory.address(host),
                        0,
                        host.size() * FloatArrays.type(host).bytes(),
                        from)));
  }

  private void broadcastBytes(long address, long begin, long end, int from) {
    chunks(begin, end, 4 * CHUNK, (at, n) -> mpi.broadcast(address + at, (int) n, from));
  }

  private int[] counts(Parts parts) {
    int[] counts = new int[size];
    Arrays.setAll(counts, r -> (int) parts.length(r));
    return counts;
  }

  private int[] places(Parts parts) {
    int[] places = new int[size];
    Arrays.setAll(places, r -> (int) parts.from(r));
    return places;
  }

  private static int[] times(int[] counts, int unit) {
    return Arrays.stream(counts).map(n -> n * unit).toArray();
  }

  /** A part of an operation. */
  private interface Chunk {
    void run(long at, long length);
  }

  private static void chunks(long begin, long end, long length, Chunk chunk) {
    for (long at = begin; at < end; at += length) {
      chunk.run(at, Math.min(length, end - at));
    }
  }

  private static void onHost(NDArray array, Consumer<NDArray> operation) {
    TensorMemory.on(Device.cpu(), array, operation);
  }

  // ---- bytes

  @Override
  public byte[] broadcast(byte[] bytes, int from) {
    byte[][] received = {bytes};
    during(
        "the distribution of a message",
        () -> {
          int length = (int) mpi.max(rank == from ? bytes.length : 0);
          received[0] = rank == from ? bytes : new byte[length];
          if (length > 0) {
            mpi.broadcast(received[0], from);
          }
        });
    return received[0];
  }

  @Override
  public List<byte[]> gather(byte[] bytes) {
    List<byte[]> all = new ArrayList<>();
    during(
        "the exchange of messages",
        () -> {
          int[] lengths = mpi.gather(bytes.length, size);
          int[] places = new int[size];
          for (int r = 1; r < size; r++) {
            places[r] = places[r - 1] + lengths[r - 1];
          }
          byte[] together = mpi.gather(bytes, lengths, places);
          for (int r = 0; r < size; r++) {
            all.add(Arrays.copyOfRange(together, places[r], places[r] + lengths[r]));
          }
        });
    return all;
  }

  @Override
  public boolean any(boolean mine) {
    boolean[] any = {false};
    during("the agreement", () -> any[0] = mpi.max(mine ? 1 : 0) == 1);
    return any[0];
  }

  @Override
  public void barrier() {
    during("the barrier", mpi::barrier);
  }

  @Override
  public void await() {
    finish();
    try {
      long[] request = mpi.beginBarrier();
      while (!mpi.isDone(request)) {
        LockSupport.parkNanos(LOOK_NANOS);
      }
    } catch (CollectiveException e) {
      throw failed("the wait for the other ranks", e);
    }
  }

  @Override
  Connected part(int group) {
    Mpi[] part = new Mpi[1];
    during("the division into groups", () -> part[0] = mpi.split(group));
    return new MpiRanks(part[0], this);
  }

  @Override
  void end(boolean isPart) {
    during("the end of MPI", isPart ? mpi::free : mpi::end);
  }
}
