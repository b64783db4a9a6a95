package dev.palimpsest.model.ranks;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The C interface of MPI (MPI standard 3.1, C bindings), for Open MPI and for libraries with
 * MPICH's binary interface. Handles are pointers in the former and ints in the latter: here they
 * are longs, which either takes from a register.
 *
 * <p>Every function throws {@link CollectiveException} when the library returns an error, which it
 * does instead of ending the process.
 */
final class Mpi {
  /** Names the library where it has none of the usual names. */
  private static final String VARIABLE = "PALIMPSEST_MPI";

  private static final List<String> OPEN_MPI = List.of("libmpi.so.40", "libmpi.so");
  private static final List<String> MPICH = List.of("libmpich.so.12", "libmpi.so.12");

  // Any thread may call: one at a time, or at the same time as others. The latter is asked for,
  // because some libraries give no more than is asked for and builds differ in what they have.
  private static final int THREAD_SERIALIZED = 2;
  private static final int THREAD_MULTIPLE = 3;

  private final NativeLibrary library;
  private final boolean isOpenMpi;

  /** The group of ranks that operations are in. */
  private final long group;

  private final long floats;
  private final long bytes;
  private final long longs;
  private final long sum;
  private final long max;

  /** What the library says when it begins: how threads may call it. */
  private final int[] threads = {0};

  private Mpi(NativeLibrary library) {
    this.library = library;
    this.isOpenMpi = has(library, "ompi_mpi_comm_world");
    // MPICH's constants are those of its mpi.h, fixed by its binary interface since 2013.
    this.group = handle("ompi_mpi_comm_world", 0x44000000);
    this.floats = handle("ompi_mpi_float", 0x4c00040a);
    this.bytes = handle("ompi_mpi_byte", 0x4c00010d);
    this.longs = handle("ompi_mpi_int64_t", 0x4c00083a);
    this.sum = handle("ompi_mpi_op_sum", 0x58000003);
    this.max = handle("ompi_mpi_op_max", 0x58000001);
  }

  /**
   * Loads the library of the launcher that started this process: another one would find a group of
   * one in every process. Begins MPI.
   *
   * @throws CollectiveException when there is none, or it cannot begin
   */
  static Mpi begin(Map<String, String> environment) {
    List<String> names = names(environment);
    if (!environment.containsKey("UCX_ERROR_SIGNALS")) {
      // UCX, below many an MPI, would take the signals by which the JVM finds null references.
      NativeLibrary.getInstance("c")
          .getFunction("setenv")
          .invokeInt(new Object[] {"UCX_ERROR_SIGNALS", "", 1});
    }
    List<String> failures = new ArrayList<>();
    for (String name : names) {
      try {
        Mpi mpi = new Mpi(NativeLibrary.getInstance(name));
        mpi.call("MPI_Init_thread", 0L, 0L, THREAD_MULTIPLE, mpi.threads);
        mpi.call(
            "MPI_Comm_set_errhandler", mpi.group, mpi.handle("ompi_mpi_errors_return", 0x54000001));
        return mpi;
      } catch (UnsatisfiedLinkError e) {
        failures.add(String.valueOf(e.getMessage()).lines().findFirst().orElse(name));
      }
    }
    throw new CollectiveException(
        "no MPI library for this launcher: none of %s can be loaded (%s); install it (Debian: libopenmpi3 or libmpich12), or name it in %s"
            .formatted(names, String.join("; ", failures), VARIABLE),
        null);
  }

  private static List<String> names(Map<String, String> environment) {
    String named = environment.get(VARIABLE);
    if (named != null) {
      return List.of(named);
    }
    if (environment.containsKey("OMPI_COMM_WORLD_SIZE") || environment.containsKey("PMIX_RANK")) {
      return OPEN_MPI;
    }
    if (environment.containsKey("PMI_RANK")) {
      return MPICH;
    }
    List<String> all = new ArrayList<>(OPEN_MPI);
    all.addAll(MPICH);
    return all;
  }

  private Mpi(Mpi whole, long group) {
    this.library = whole.library;
    this.isOpenMpi = whole.isOpenMpi;
    this.group = group;
    this.floats = whole.floats;
    this.bytes = whole.bytes;
    this.longs = whole.longs;
    this.sum = whole.sum;
    this.max = whole.max;
  }

  /** The same for the ranks of this group that give the same color, in their order. */
  Mpi split(int color) {
    long[] made = {0};
    call("MPI_Comm_split", group, color, rank(), made);
    return new Mpi(this, made[0]);
  }

  /** Ends a group that was split off; each of its ranks has to. */
  void free() {
    call("MPI_Comm_free", new long[] {group});
  }

  /** Whether threads other than the one that began may call, one at a time. */
  boolean isForAnyThread() {
    return threads[0] >= THREAD_SERIALIZED;
  }

  private static boolean has(NativeLibrary library, String symbol) {
    try {
      library.getGlobalVariableAddress(symbol);
      return true;
    } catch (UnsatisfiedLinkError e) {
      return false;
    }
  }

  private long handle(String openMpi, int mpich) {
    return isOpenMpi
        ? Pointer.nativeValue(library.getGlobalVariableAddress(openMpi))
        : Integer.toUnsignedLong(mpich);
  }

  private long inPlace() {
    return isOpenMpi ? 1 : -1;
  }

  private void call(String function, Object... arguments) {
    Function called = library.getFunction(function);
    int code = called.invokeInt(arguments);
    if (code != 0) {
      throw new CollectiveException("%s: %s".formatted(function, error(code)), null);
    }
  }

  private String error(int code) {
    byte[] text = new byte[2048];
    int[] length = {0};
    library.getFunction("MPI_Error_string").invokeInt(new Object[] {code, text, length});
    return new String(text, 0, length[0], StandardCharsets.UTF_8);
  }

  /** The first line of the library's own description. */
  String version() {
    byte[] text = new byte[8192];
    int[] length = {0};
    call("MPI_Get_library_version", text, length);
    String first =
        new String(text, 0, length[0], StandardCharsets.UTF_8)
            .replace("\0", "")
            .lines()
            .findFirst()
            .orElse("MPI");
    return first.replaceAll(",.*", "").replaceAll("\\s+", " ").strip();
  }

  int rank() {
    int[] rank = {0};
    call("MPI_Comm_rank", group, rank);
    return rank[0];
  }

  int size() {
    int[] size = {0};
    call("MPI_Comm_size", group, size);
    return size[0];
  }

  void barrier() {
    call("MPI_Barrier", group);
  }

  /** Begins a barrier; see {@link #isDone}. */
  long[] beginBarrier() {
    long[] request = {0};
    call("MPI_Ibarrier", group, request);
    return request;
  }

  boolean isDone(long[] request) {
    int[] done = {0};
    call("MPI_Test", request, done, isOpenMpi ? 0L : 1L /* MPI_STATUS_IGNORE */);
    return done[0] != 0;
  }

  long max(long value) {
    long[] greatest = {0};
    call("MPI_Allreduce", new long[] {value}, greatest, 1, longs, max, group);
    return greatest[0];
  }

  /** Sums floats in place, at most 2^31-1 of them. */
  void allReduce(long address, int count) {
    call("MPI_Allreduce", inPlace(), address, count, floats, sum, group);
  }

  /** Sums floats into the memory of one rank. */
  void reduce(long address, int count, int to, boolean isMine) {
    call(
        "MPI_Reduce",
        isMine ? inPlace() : address,
        isMine ? address : 0L,
        count,
        floats,
        sum,
        to,
        group);
  }

  /** One rank receives the floats of all, by rank. */
  void gather(long address, int count, long all, int to) {
    call("MPI_Gather", address, count, floats, all, count, floats, to, group);
  }

  /** Sums floats; each rank receives its own at the beginning of {@code out}. */
  void reduceScatter(long address, long out, int[] counts) {
    call("MPI_Reduce_scatter", address, out, counts, floats, sum, group);
  }

  /** Each rank's bytes are in their place already. */
  void allGather(long address, int[] counts, int[] places) {
    call("MPI_Allgatherv", inPlace(), 0, bytes, address, counts, places, bytes, group);
  }

  void broadcast(long address, int count, int from) {
    call("MPI_Bcast", address, count, bytes, from, group);
  }

  void broadcast(byte[] data, int from) {
    call("MPI_Bcast", data, data.length, bytes, from, group);
  }

  /** Numbers of all ranks, by rank. */
  int[] gather(int mine, int size) {
    int[] all = new int[size];
    long[] wide = new long[size];
    call("MPI_Allgather", new long[] {mine}, 1, longs, wide, 1, longs, group);
    for (int r = 0; r < size; r++) {
      all[r] = (int) wide[r];
    }
    return all;
  }

  /** Bytes of all ranks, one after another. */
  byte[] gather(byte[] mine, int[] lengths, int[] places) {
    int last = lengths.length - 1;
    byte[] all = new byte[Math.max(1, places[last] + lengths[last])];
    byte[] sent = mine.length == 0 ? new byte[1] : mine;
    call("MPI_Allgatherv", sent, mine.length, bytes, all, lengths, places, bytes, group);
    return all;
  }

  /** Ends MPI in this process; every rank has to. */
  void end() {
    call("MPI_Finalize");
  }
}
