package dev.palimpsest.model.ranks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.checks.InvalidConfigException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Processes that find each other and exchange arrays as they do between GPUs, over a library that
 * has NCCL's and CUDA's functions on the computer's own memory.
 */
@Timeout(120)
class NcclRanksTest {
  @TempDir Path folder;

  private record Ended(int code, String output) {}

  /**
   * Runs a program in several processes.
   *
   * @param ofLast variables of the last one
   */
  private List<Ended> run(int ranks, String program, Map<String, String> ofLast) throws Exception {
    Path library = NcclOnHost.compiled(folder);
    int port = NcclOnHost.freePort();
    List<Process> processes = new ArrayList<>();
    for (int rank = 0; rank < ranks; rank++) {
      ProcessBuilder builder =
          new ProcessBuilder(RankProgram.command(program, folder)).redirectErrorStream(true);
      Map<String, String> environment = builder.environment();
      environment.putAll(NcclOnHost.environment(library));
      environment.put("RANK", "" + rank);
      environment.put("WORLD_SIZE", "" + ranks);
      environment.put("MASTER_PORT", "" + port);
      if (rank == ranks - 1) {
        environment.putAll(ofLast);
      }
      processes.add(builder.start());
    }
    List<Ended> ended = new ArrayList<>();
    for (Process process : processes) {
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      ended.add(new Ended(process.waitFor(), output));
    }
    return ended;
  }

  @Test
  void everyOperationGivesWhatItPromises() throws Exception {
    List<Ended> all = run(4, "operations", Map.of());
    for (int rank = 0; rank < 4; rank++) {
      assertEquals(0, all.get(rank).code, all.get(rank).output);
      assertTrue(all.get(rank).output.contains("rank " + rank + " is done"));
    }
  }

  /** A rank that is elsewhere: the other is not inside the library, and can say what happened. */
  @Test
  void aRankThatHangsBecomesAnExceptionOfTheOther() throws Exception {
    List<Ended> all = run(2, "hang", Map.of());
    assertEquals(9, all.get(0).code, all.get(0).output);
    assertTrue(
        all.get(0)
            .output
            .contains(
                "rank 0 of 2: the barrier failed: it has not returned for 3 s, so another rank hangs or is gone; stack traces are in "),
        all.get(0).output);
    assertEquals(76, all.get(1).code, all.get(1).output);
    String hanging = Files.readString(folder.resolve("stacks-rank-1.txt"));
    assertTrue(hanging.contains("RankProgram.elsewhere"), hanging);
    assertTrue(Files.readString(folder.resolve("stacks-rank-0.txt")).contains("NcclRanks.run"));
  }

  /** An operation that never ends on the GPU itself. */
  @Test
  void anOperationThatNeverEndsIsGivenUp() throws Exception {
    List<Ended> all = run(2, "sums", Map.of("HOST_NCCL_STALL", "3"));
    for (int rank = 0; rank < 2; rank++) {
      String output = all.get(rank).output;
      // Whoever notices first leaves the file at which the other ends.
      assertTrue(all.get(rank).code == 9 || all.get(rank).code == 76, output);
      assertTrue(Files.exists(folder.resolve("stacks-rank-" + rank + ".txt")), output);
    }
    assertTrue(
        all.stream()
            .anyMatch(
                e -> e.output.matches("(?s).*rank [01] of 2: the sum of 1,000 numbers failed: .*")),
        all.toString());
  }

  @Test
  void aBrokenConnectionBecomesAnExceptionThatNamesRankAndOperation() throws Exception {
    List<Ended> all = run(2, "sums", Map.of("HOST_NCCL_BREAK", "2"));
    assertEquals(9, all.get(1).code, all.get(1).output);
    assertTrue(
        all.get(1)
            .output
            .contains(
                "rank 1 of 2: the sum of 1,000 numbers failed: remote process exited or there was a network error: connection closed by rank 0"),
        all.get(1).output);
  }

  @Test
  void anOperationThatFailsNamesItselfAndItsRank() throws Exception {
    for (Ended ended : run(2, "fail", Map.of())) {
      assertEquals(9, ended.code, ended.output);
      assertTrue(
          ended.output.matches(
              "(?s).*rank ([01]): rank \\1 of 2: the distribution of 4 numbers failed: ncclBroadcast: invalid argument: .*"),
          ended.output);
    }
  }

  // ---- without other processes

  private static String refused(Map<String, String> environment, Group group) {
    try (NDManager manager = NDManager.newBaseManager(Device.cpu());
        Watchdog watchdog = new Watchdog(0, Path.of("absent"), Duration.ofSeconds(1))) {
      return assertThrows(
              InvalidConfigException.class,
              () ->
                  NcclRanks.join(
                      group, manager, environment, Duration.ofSeconds(1), watchdog, false))
          .problems()
          .get(0)
          .message();
    }
  }

  @Test
  void whatIsMissingIsNamed() {
    Group group = new Group(0, 2, "127.0.0.1", 29_500);
    assertTrue(refused(Map.of(), new Group(0, 2, null, 0)).contains("set MASTER_ADDR"));
    assertTrue(refused(Map.of(), group).contains("this process computes on the CPU"));
    String absent =
        refused(Map.of("PALIMPSEST_CUDART", "libc.so.6", "PALIMPSEST_NCCL", "libabsent.so"), group);
    assertTrue(
        absent.contains("NCCL, which cannot be loaded")
            && absent.contains("PALIMPSEST_NCCL names another"),
        absent);
  }

  @Test
  void gpusAreConnectedByNcclAndProcessorsByMpi() {
    assertEquals(Transport.NCCL, Transport.of(Device.gpu(1), Map.of()));
    assertEquals(Transport.MPI, Transport.of(Device.cpu(), Map.of()));
    assertEquals(
        Transport.MPI, Transport.of(Device.gpu(1), Map.of("PALIMPSEST_COLLECTIVES", "mpi")));
    String message =
        assertThrows(
                InvalidConfigException.class,
                () -> Transport.of(Device.cpu(), Map.of("PALIMPSEST_COLLECTIVES", "gloo")))
            .problems()
            .get(0)
            .message();
    assertEquals("PALIMPSEST_COLLECTIVES must be mpi or nccl, got 'gloo'", message);
  }

  private static CollectiveException alone(Group group) {
    return assertThrows(
        CollectiveException.class,
        () -> Rendezvous.meet(group, new byte[128], Duration.ofMillis(600)));
  }

  @Test
  void ranksThatDoNotComeAreNamed() throws IOException {
    int port = NcclOnHost.freePort();
    assertEquals(
        "rank 0 of 3: rank 1, 2 did not connect to port %d within 0 s".formatted(port),
        alone(new Group(0, 3, null, port)).getMessage());
    String message = String.valueOf(alone(new Group(2, 3, "127.0.0.1", port)).getMessage());
    assertTrue(
        message.startsWith("rank 2 of 3: rank 0 did not answer at 127.0.0.1:" + port), message);
  }

  @Test
  void strangersAndOtherGroupsAreTurnedAway() throws Exception {
    int port = NcclOnHost.freePort();
    Duration limit = Duration.ofSeconds(20);
    byte[] id = new byte[128];
    id[127] = 42;
    byte[][] met = new byte[1][];
    Thread first =
        new Thread(() -> met[0] = Rendezvous.meet(new Group(0, 2, null, port), id, limit));
    first.start();
    Thread.sleep(200);
    try (Socket stranger = new Socket(InetAddress.getLoopbackAddress(), port)) {
      stranger
          .getOutputStream()
          .write("GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      stranger.getOutputStream().flush();
    }
    CollectiveException other =
        assertThrows(
            CollectiveException.class,
            () -> Rendezvous.meet(new Group(1, 4, "127.0.0.1", port), new byte[128], limit));
    assertEquals(
        "rank 1 of 4: at 127.0.0.1:%d is another group, of 2 processes; MASTER_PORT names another port"
            .formatted(port),
        other.getMessage());
    byte[] received = Rendezvous.meet(new Group(1, 2, "127.0.0.1", port), new byte[128], limit);
    first.join();
    assertEquals(42, received[127]);
    assertEquals(42, met[0][127]);
  }

  /** The library itself, wherever a machine has it; it needs no GPU for this much. */
  @Test
  void realNcclSpeaksThisInterface() throws Exception {
    Nccl nccl = RealNccl.load();
    assertTrue(nccl.version().matches("NCCL 2\\.\\d+\\.\\d+"), nccl.version());
    byte[] id = nccl.newId();
    assertEquals(Nccl.ID_BYTES, id.length);
    assertFalse(Arrays.equals(id, nccl.newId()), "ids are unique");
    assertEquals("no error", nccl.error(0));
    assertTrue(nccl.error(6).startsWith("remote process exited"), nccl.error(6));
    if (!Files.exists(Path.of("/dev/nvidia0"))) {
      CollectiveException failure =
          assertThrows(CollectiveException.class, () -> nccl.connect(id, 0, 1));
      String message = String.valueOf(failure.getMessage());
      assertTrue(message.startsWith("ncclCommInitRank: "), message);
      assertFalse(nccl.isConnected());
    }
  }
}
