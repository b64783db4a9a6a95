package dev.palimpsest.model.ranks;

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The C interface of NCCL 2 (nccl.h). Operations are put on a CUDA stream and return before they
 * are done; addresses are those of a GPU's memory.
 *
 * <p>Every function throws {@link CollectiveException} when the library returns an error.
 */
final class Nccl {
  /** Names the library where the system's loader does not find it. */
  private static final String VARIABLE = "PALIMPSEST_NCCL";

  private static final List<String> NAMES = List.of("libnccl.so.2", "libnccl.so");

  /** Bytes of what one rank makes and all need to connect (NCCL_UNIQUE_ID_BYTES). */
  static final int ID_BYTES = 128;

  // ncclResult_t
  private static final int SUCCESS = 0;
  private static final int IN_PROGRESS = 7;

  /** ncclDataType_t. */
  enum Type {
    BYTES(0),
    LONGS(4),
    FLOATS(7);

    private final int number;

    Type(int number) {
      this.number = number;
    }
  }

  // ncclRedOp_t
  private static final int SUM = 0;
  private static final int MAX = 2;

  private final NativeLibrary library;
  private long communicator;

  private Nccl(NativeLibrary library) {
    this.library = library;
  }

  /** {@code ncclUniqueId}, which NCCL takes by value. */
  @Structure.FieldOrder("internal")
  public static class Id extends Structure implements Structure.ByValue {
    /** Its bytes. */
    public byte[] internal = new byte[ID_BYTES];
  }

  /**
   * Loads the library: libtorch's own, if it has one.
   *
   * @throws dev.palimpsest.configs.checks.InvalidConfigException when there is none
   */
  static Nccl load(Map<String, String> environment) {
    // Sums inside an NVSwitch have an order of their own; rings and trees repeat theirs.
    setDefault(environment, "NCCL_NVLS_ENABLE", "0");
    String named = environment.get(VARIABLE);
    List<String> failures = new ArrayList<>();
    for (String name : named == null ? NAMES : List.of(named)) {
      try {
        return new Nccl(NativeLibrary.getInstance(name));
      } catch (UnsatisfiedLinkError e) {
        failures.add(String.valueOf(e.getMessage()).lines().findFirst().orElse(name));
      }
    }
    throw Transport.mistake(
        "GPUs are connected by NCCL, which cannot be loaded (%s); './palimpsest --engine cuda' and PyTorch's packages have it, %s names another, and %s=mpi goes through the computers' memory instead"
            .formatted(String.join("; ", failures), VARIABLE, Transport.VARIABLE));
  }

  private static void setDefault(Map<String, String> environment, String name, String value) {
    if (!environment.containsKey(name)) {
      NativeLibrary.getInstance("c").getFunction("setenv").invokeInt(new Object[] {name, value, 1});
    }
  }

  private int invoke(String function, Object... arguments) {
    return library.getFunction(function).invokeInt(arguments);
  }

  private void call(String function, Object... arguments) {
    int code = invoke(function, arguments);
    if (code != SUCCESS && code != IN_PROGRESS) {
      throw new CollectiveException("%s: %s".formatted(function, error(code)), null);
    }
  }

  /** The error in NCCL's words, and what it last wrote about one. */
  String error(int code) {
    String error = text("ncclGetErrorString", code);
    String last = text("ncclGetLastError", communicator);
    return last.isBlank() ? error : error + ": " + last.strip();
  }

  private String text(String function, Object argument) {
    try {
      Function called = library.getFunction(function);
      Pointer text = called.invokePointer(new Object[] {argument});
      return text == null ? "" : text.getString(0, StandardCharsets.UTF_8.name());
    } catch (UnsatisfiedLinkError e) {
      return ""; // before 2.13 there is no last error
    }
  }

  /** {@code NCCL 2.23.4}. */
  String version() {
    int[] version = {0};
    call("ncclGetVersion", version);
    int major = version[0] < 10_000 ? version[0] / 1000 : version[0] / 10_000; // since 2.9
    int rest = version[0] < 10_000 ? version[0] % 1000 : version[0] % 10_000;
    return "NCCL %d.%d.%d".formatted(major, rest / 100, rest % 100);
  }

  /** Makes what all ranks of one group need to connect. */
  byte[] newId() {
    try (Memory id = new Memory(ID_BYTES)) {
      call("ncclGetUniqueId", id);
      return id.getByteArray(0, ID_BYTES);
    }
  }

  /** Connects this rank; returns when all are. The thread's CUDA device becomes this rank's. */
  void connect(byte[] id, int rank, int size) {
    Id value = new Id();
    System.arraycopy(id, 0, value.internal, 0, ID_BYTES);
    long[] made = {0};
    call("ncclCommInitRank", made, size, value, rank);
    communicator = made[0];
  }

  /** The same library without a connection. */
  Nccl another() {
    return new Nccl(library);
  }

  /** What has gone wrong with operations on their way; empty if nothing has. */
  String asyncError() {
    int[] error = {SUCCESS};
    call("ncclCommGetAsyncError", communicator, error);
    return error[0] == SUCCESS || error[0] == IN_PROGRESS ? "" : error(error[0]);
  }

  /** Begins operations that belong together: each of a rank's sends needs the others' receives. */
  void group(Runnable operations) {
    call("ncclGroupStart");
    try {
      operations.run();
    } catch (CollectiveException e) {
      invoke("ncclGroupEnd");
      throw e;
    }
    call("ncclGroupEnd");
  }

  void sum(long address, long count, CudaStream stream) {
    call(
        "ncclAllReduce",
        address,
        address,
        count,
        Type.FLOATS.number,
        SUM,
        communicator,
        stream.handle());
  }

  void max(long address, CudaStream stream) {
    call(
        "ncclAllReduce",
        address,
        address,
        1L,
        Type.LONGS.number,
        MAX,
        communicator,
        stream.handle());
  }

  /** Sums floats into the memory of one rank. */
  void reduce(long address, long count, int to, CudaStream stream) {
    call(
        "ncclReduce",
        address,
        address,
        count,
        Type.FLOATS.number,
        SUM,
        to,
        communicator,
        stream.handle());
  }

  void broadcast(long address, long count, Type type, int from, CudaStream stream) {
    call(
        "ncclBroadcast", address, address, count, type.number, from, communicator, stream.handle());
  }

  void send(long address, long floats, int to, CudaStream stream) {
    call("ncclSend", address, floats, Type.FLOATS.number, to, communicator, stream.handle());
  }

  void receive(long address, long floats, int from, CudaStream stream) {
    call("ncclRecv", address, floats, Type.FLOATS.number, from, communicator, stream.handle());
  }

  boolean isConnected() {
    return communicator != 0;
  }

  /** Gives up what is on its way, and this rank's connections. */
  void abort() {
    if (isConnected()) {
      long aborted = communicator;
      communicator = 0;
      invoke("ncclCommAbort", aborted);
    }
  }

  /** Ends this rank's connections; every rank has to. */
  void end() {
    if (isConnected()) {
      long ended = communicator;
      communicator = 0;
      call("ncclCommDestroy", ended);
    }
  }
}
