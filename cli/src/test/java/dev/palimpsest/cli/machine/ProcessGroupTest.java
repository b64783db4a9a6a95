package dev.palimpsest.cli.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cli.machine.ProcessGroup.Source;
import dev.palimpsest.configs.checks.InvalidConfigException;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ProcessGroupTest {
  private static final Map<String, String> TORCHRUN =
      Map.of(
          "RANK", "5",
          "WORLD_SIZE", "8",
          "LOCAL_RANK", "1",
          "LOCAL_WORLD_SIZE", "4",
          "GROUP_RANK", "1",
          "MASTER_ADDR", "node-a",
          "MASTER_PORT", "29400");

  /** As srun sets them for the last task of a job of seven on four nodes. */
  private static final Map<String, String> SRUN =
      Map.of(
          "SLURM_JOB_ID", "123456",
          "SLURM_STEP_ID", "0",
          "SLURM_PROCID", "6",
          "SLURM_NTASKS", "7",
          "SLURM_STEP_NUM_TASKS", "7",
          "SLURM_LOCALID", "0",
          "SLURM_NODEID", "3",
          "SLURM_STEP_TASKS_PER_NODE", "2(x3),1",
          "SLURM_JOB_NODELIST", "gpu[003-005,9]");

  private static final Map<String, String> MPIRUN =
      Map.of(
          "OMPI_COMM_WORLD_RANK", "3",
          "OMPI_COMM_WORLD_SIZE", "4",
          "OMPI_COMM_WORLD_LOCAL_RANK", "1",
          "OMPI_COMM_WORLD_LOCAL_SIZE", "2");

  private static Map<String, String> with(Map<String, String> some, Map<String, String> more) {
    Map<String, String> all = new HashMap<>(some);
    all.putAll(more);
    return all;
  }

  private static Map<String, String> with(Map<String, String> some, String name, String value) {
    return with(some, Map.of(name, value));
  }

  private static String refused(Map<String, String> environment) {
    return String.valueOf(
        assertThrows(InvalidConfigException.class, () -> ProcessGroup.fromEnvironment(environment))
            .problems()
            .get(0)
            .message());
  }

  @Test
  void torchrunNamesEverything() {
    assertEquals(
        new ProcessGroup(5, 8, 1, 4, 1, "node-a", 29400, Source.TORCHRUN),
        ProcessGroup.fromEnvironment(TORCHRUN));
  }

  @Test
  void aPodOfKubeflowTrainerIsItsNode() {
    assertEquals(
        new ProcessGroup(2, 3, 0, 1, 2, "job-node-0-0.job", 29500, Source.KUBEFLOW),
        ProcessGroup.fromEnvironment(
            Map.of(
                "PET_NNODES", "3",
                "PET_NPROC_PER_NODE", "1",
                "PET_NODE_RANK", "2",
                "PET_MASTER_ADDR", "job-node-0-0.job",
                "PET_MASTER_PORT", "29500")));
  }

  @Test
  void aPodOfSeveralProcessesNeedsAStarter() {
    String message =
        refused(Map.of("PET_NNODES", "3", "PET_NODE_RANK", "2", "PET_NPROC_PER_NODE", "8"));
    assertTrue(message.contains("PET_NPROC_PER_NODE is 8"), message);
    assertTrue(message.contains("launch RECIPE --to local --processes"), message);
  }

  @Test
  void slurmsShortFormsAreReadOut() {
    assertEquals(
        new ProcessGroup(6, 7, 0, 1, 3, "gpu003", 20_000 + 3456, Source.SLURM),
        ProcessGroup.fromEnvironment(SRUN));
    assertEquals(
        "login-1",
        ProcessGroup.fromEnvironment(with(SRUN, "SLURM_JOB_NODELIST", "login-1,gpu[1-3]"))
            .masterAddress());
    assertEquals(
        2,
        ProcessGroup.fromEnvironment(with(SRUN, Map.of("SLURM_NODEID", "2", "SLURM_LOCALID", "1")))
            .localWorldSize());
  }

  /** Slurm gives a job's script the variables of a task, though it is none. */
  @Test
  void aBatchScriptIsAProcessByItself() {
    Map<String, String> batch = new HashMap<>(SRUN);
    batch.remove("SLURM_STEP_ID");
    assertEquals(ProcessGroup.single(), ProcessGroup.fromEnvironment(batch));
  }

  @Test
  void mpirunInsideASlurmJobCountsItself() {
    ProcessGroup group = ProcessGroup.fromEnvironment(with(SRUN, MPIRUN));
    assertEquals(new ProcessGroup(3, 4, 1, 2, 1, null, 0, Source.OPEN_MPI), group);
  }

  @Test
  void mpichNamesItsRanks() {
    assertEquals(
        new ProcessGroup(1, 2, 1, 2, 0, null, 0, Source.PMI),
        ProcessGroup.fromEnvironment(
            Map.of(
                "PMI_RANK", "1", "PMI_SIZE", "2", "MPI_LOCALRANKID", "1", "MPI_LOCALNRANKS", "2")));
  }

  @Test
  void torchrunStartedBySrunIsTheInnerOne() {
    assertEquals(
        Source.TORCHRUN,
        ProcessGroup.fromEnvironment(with(with(SRUN, TORCHRUN), "TORCHELASTIC_RUN_ID", "none"))
            .source());
  }

  @Test
  void withoutVariablesItIsAProcessByItself() {
    assertEquals(ProcessGroup.single(), ProcessGroup.fromEnvironment(Map.of("RANK", " ")));
    assertEquals("one process (no launcher's variables)", ProcessGroup.single().describe());
  }

  @Test
  void contradictionsAreNamed() {
    assertTrue(refused(with(TORCHRUN, "RANK", "8")).contains("the rank is 8"));
    assertTrue(
        refused(with(TORCHRUN, "LOCAL_WORLD_SIZE", "9")).contains("9 processes on the node"));
    assertTrue(refused(Map.of("RANK", "0")).contains("WORLD_SIZE is not set"));
    assertTrue(refused(with(TORCHRUN, "WORLD_SIZE", "two")).contains("got 'two'"));
    assertTrue(refused(with(SRUN, "SLURM_NODEID", "4")).contains("SLURM_NODEID is 4"));
    assertEquals(
        "the process group is ambiguous: by torchrun's variables this is rank 0 of 2, by Open MPI's"
            + " variables rank 3 of 4; unset those that are not meant",
        refused(with(MPIRUN, Map.of("RANK", "0", "WORLD_SIZE", "2", "LOCAL_RANK", "0"))));
  }

  @Test
  void theLogNamesTheLauncher() {
    assertEquals(
        "rank 5 of 8, on node 1 as process 1 of 4 (torchrun's variables)",
        ProcessGroup.fromEnvironment(TORCHRUN).describe());
  }

  // ---- where processes meet

  @Test
  void torchrunsOwnPortIsTaken() {
    assertEquals(29_400, ProcessGroup.fromEnvironment(TORCHRUN).masterPort());
    ProcessGroup under =
        ProcessGroup.fromEnvironment(with(TORCHRUN, "TORCHELASTIC_USE_AGENT_STORE", "True"));
    assertEquals(29_401, under.masterPort());
  }

  @Test
  void processesOfMpirunOnOneMachineMeetThere() {
    Map<String, String> job =
        Map.of(
            "OMPI_COMM_WORLD_RANK", "1",
            "OMPI_COMM_WORLD_SIZE", "2",
            "OMPI_COMM_WORLD_LOCAL_RANK", "1",
            "OMPI_COMM_WORLD_LOCAL_SIZE", "2",
            "PMIX_NAMESPACE", "625475585");
    ProcessGroup group = ProcessGroup.fromEnvironment(job);
    assertEquals("127.0.0.1", group.masterAddress());
    assertTrue(group.masterPort() >= 20_000 && group.masterPort() < 30_000);
    assertTrue(
        group.masterPort()
            != ProcessGroup.fromEnvironment(with(job, "PMIX_NAMESPACE", "625541121")).masterPort());
    // Of several machines mpirun does not say where the first one is.
    assertEquals(null, ProcessGroup.fromEnvironment(MPIRUN).masterAddress());
    ProcessGroup named =
        ProcessGroup.fromEnvironment(
            with(MPIRUN, Map.of("MASTER_ADDR", "node-a", "MASTER_PORT", "4000")));
    assertEquals("node-a", named.masterAddress());
    assertEquals(4000, named.masterPort());
  }
}
