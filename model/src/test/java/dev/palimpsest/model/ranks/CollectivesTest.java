package dev.palimpsest.model.ranks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Real processes under a real launcher. */
class CollectivesTest {
  @TempDir Path folder;

  private record Ended(int code, String output) {}

  private Ended run(int ranks, String program) throws IOException, InterruptedException {
    assumeTrue(
        Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
            .anyMatch(path -> Files.isExecutable(Path.of(path, "mpirun"))),
        "no mpirun here (Debian: apt-get install openmpi-bin libopenmpi3)");
    List<String> command = new ArrayList<>();
    command.addAll(List.of("mpirun", "-np", "" + ranks, "--allow-run-as-root", "--oversubscribe"));
    command.addAll(List.of("--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"));
    command.addAll(RankProgram.command(program, folder));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ended(process.waitFor(), output);
  }

  @Test
  @Timeout(300)
  void everyOperationGivesWhatItPromises() throws Exception {
    Ended ended = run(4, "operations");
    assertEquals(0, ended.code, ended.output);
    for (int rank = 0; rank < 4; rank++) {
      assertTrue(ended.output.contains("rank " + rank + " is done"), ended.output);
    }
  }

  @Test
  @Timeout(300)
  void aRankThatHangsEndsAllAndEachLeavesItsStackTraces() throws Exception {
    Ended ended = run(2, "hang");
    assertEquals(76, ended.code, ended.output);
    String waiting = Files.readString(folder.resolve("stacks-rank-0.txt"));
    assertTrue(waiting.startsWith("rank 0: the barrier has not returned for 3 s"), waiting);
    String hanging = Files.readString(folder.resolve("stacks-rank-1.txt"));
    assertTrue(hanging.contains("RankProgram.elsewhere"), hanging);
  }

  @Test
  @Timeout(300)
  void anOperationThatFailsNamesItselfAndItsRank() throws Exception {
    Ended ended = run(2, "fail");
    assertEquals(9, ended.code, ended.output);
    assertTrue(
        ended.output.matches(
            "(?s).*rank [01]: rank [01] of 2: the distribution of 4 numbers failed: MPI_Bcast: .*"),
        ended.output);
  }

  @Test
  void aProcessByItselfNeedsNoLibrary() {
    try (NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      Group group = new Group(0, 1, null, 0);
      Collectives alone = Collectives.join(group, manager, folder, Duration.ofSeconds(1), true);
      assertTrue(alone.isAlone() && alone.isFirst());
      assertTrue(alone.any(true));
      alone.await();
      alone.close();
    }
  }

  @Test
  void partsFollowOnOneAnother() {
    Parts parts = new Parts(new long[] {0, 0, 5, 9});
    assertEquals(List.of(0L, 5L, 4L), List.of(parts.length(0), parts.length(1), parts.length(2)));
    assertEquals(5, parts.longest());
    assertEquals(9, parts.total());
    assertThrows(IllegalArgumentException.class, () -> new Parts(new long[] {0, 3, 2}));
    assertThrows(IllegalArgumentException.class, () -> new Parts(new long[] {1, 3}));
  }
}
