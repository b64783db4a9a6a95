package dev.palimpsest.cli.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.cli.Outcome;
import dev.palimpsest.cli.TinyRecipe;
import dev.palimpsest.cli.operating.ProcessState;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.batch.v1.JobSpec;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.yaml.snakeyaml.Yaml;

@DisabledOnOs(OS.WINDOWS) // scripts of the shell
class LaunchCommandTest {
  @TempDir Path folder;
  private Path recipe = Path.of("none");
  private Path out = Path.of("none");

  @BeforeEach
  void write() throws IOException {
    out = folder.resolve("run");
    recipe =
        TinyRecipe.write(
            folder,
            "tiny",
            """
            tasks:
              caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
            stages:
              - name: stage0
                init: %s
                resolution: 16
                textTokens: 16
                export: {formats: []}
              - name: Stage_1
                init: {stage: stage0}
                examples: 32
                resolution: 16
                textTokens: 16
                batchSize: 16
                microBatch: 1
                mixture: {caption: 1}
                optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
                export: {formats: []}
            """
                .formatted(TinyRecipe.IMPORT));
  }

  private Outcome launch(String... more) {
    List<String> words =
        new ArrayList<>(List.of("launch", recipe.toString(), "--out", out.toString()));
    words.addAll(List.of(more));
    return Outcome.of(words.toArray(String[]::new));
  }

  // ---- Here

  @Test
  void oneProcessRunsHereAndLeavesItsState() {
    Outcome first = launch("--to", "local", "--until", "stage0");
    assertEquals(0, first.exit(), first.err());
    assertTrue(Files.exists(out.resolve("stage0/stage.json")));
    assertFalse(Files.exists(out.resolve("Stage_1/stage.json")));
    ProcessState.Read state = ProcessState.read(out.resolve("processes")).get(0);
    assertEquals("done", state.state());
    assertEquals(Optional.of(0), state.exitCode());
    // A mistake of the run is the launcher's.
    assertEquals(2, launch("--to", "local", "--option=--until", "--option=nowhere").exit());
  }

  @Test
  void severalProcessesAreMpiruns() {
    String line = launch("--to", "local", "--processes", "2", "--print").out();
    assertTrue(line.startsWith("mpirun -np 2 --bind-to none --oversubscribe "), line);
    assertTrue(line.endsWith("palimpsest run %s --out %s\n".formatted(recipe, out)), line);
  }

  @Test
  void processesWithGpusNeedNoMpirun() {
    List<String> lines =
        launch("--to", "local", "--gpus-per-node", "2", "--print").out().lines().toList();
    assertEquals(2, lines.size());
    assertEquals(
        "RANK=1 WORLD_SIZE=2 LOCAL_RANK=1 LOCAL_WORLD_SIZE=2 GROUP_RANK=0 MASTER_ADDR=127.0.0.1 MASTER_PORT=29500 palimpsest run %s --out %s"
            .formatted(recipe, out),
        lines.get(1));
  }

  @Test
  void processesOfAPodHaveTorchrunsVariables() {
    assertEquals(
        Map.of(
            "RANK", "11",
            "WORLD_SIZE", "32",
            "LOCAL_RANK", "3",
            "LOCAL_WORLD_SIZE", "8",
            "GROUP_RANK", "1",
            "MASTER_ADDR", "run-node-0-0.run",
            "MASTER_PORT", "29500"),
        LocalProcesses.variables(
            3,
            8,
            Map.of(
                "PET_NNODES", "4",
                "PET_NODE_RANK", "1",
                "PET_MASTER_ADDR", "run-node-0-0.run"),
            29_500));
  }

  private static ProcessState.Read rank(int rank, Integer code) {
    return rank(rank, code, "running");
  }

  private static ProcessState.Read rank(int rank, Integer code, String state) {
    return new ProcessState.Read(
        state, rank, "host" + rank, Instant.EPOCH, Optional.ofNullable(code), "");
  }

  @Test
  @SuppressWarnings("NullAway") // a process that has not ended has no code
  void theProcessesSayHowTheRunEnded() {
    assertEquals(75, LocalProcesses.judge(0, List.of(rank(0, 75), rank(1, 75))));
    assertEquals(77, LocalProcesses.judge(143, List.of(rank(0, 76), rank(1, 77))));
    assertEquals(76, LocalProcesses.judge(137, List.of(rank(0, 76), rank(1, null))));
    assertEquals(76, LocalProcesses.judge(0, List.of(rank(0, 0), rank(1, null))));
    assertEquals(75, LocalProcesses.judge(75, List.of(rank(0, null, "stopping"))));
    // The others were asked to stop, and had the time to save, after this one had been killed.
    assertEquals(76, LocalProcesses.judge(75, List.of(rank(0, 75), rank(1, null))));
    assertEquals(2, LocalProcesses.judge(2, List.of()));
  }

  // ---- Slurm

  private String script(int stage) {
    String[] scripts =
        launch(
                "--to",
                "slurm",
                "--nodes",
                "2",
                "--gpus-per-node",
                "4",
                "--restarts",
                "1",
                "--print")
            .out()
            .split("(?m)^# ---- .*\n");
    return scripts[1 + stage];
  }

  @Test
  void eachStageIsAJobOfSlurm() {
    String script = script(1);
    for (String line :
        List.of(
            "#SBATCH --job-name=tiny-Stage_1",
            "#SBATCH --nodes=2",
            "#SBATCH --ntasks-per-node=4",
            "#SBATCH --gpus-per-node=4",
            "#SBATCH --signal=TERM@300",
            "#SBATCH --requeue",
            "srun --kill-on-bad-exit=1 --mpi=none palimpsest run %s --out %s --until Stage_1 &"
                .formatted(recipe, out))) {
      assertTrue(script.contains(line + "\n"), line + " in " + script);
    }
  }

  /**
   * The script of a job with other programs in place of Slurm's.
   *
   * @param states what the tasks write, a file each
   */
  @ParameterizedTest
  @CsvSource({
    "0, 0 0, 0, ''",
    "75, 75 75, 75, requeue 17",
    "143, 75 75, 75, requeue 17", // srun's own code
    "143, 76 76, 76, requeue 17",
    "143, 76 77, 77, ''",
    "137, '', 76, requeue 17",
    "2, '', 2, ''",
    "0, 75 75, 0, ''",
    "137, 75 killed, 76, requeue 17", // the survivor had the time to save
    "137, stopping killed, 76, requeue 17"
  })
  void aJobEndsAsItsTasksSayAndIsRequeuedIfThatHelps(
      int srun, String states, int expected, String requeued) throws Exception {
    Path programs = Files.createDirectories(folder.resolve("programs"));
    Path processes = Files.createDirectories(out.resolve("processes"));
    Files.createDirectories(out.resolve("launch"));
    StringBuilder written = new StringBuilder("#!/bin/bash\n");
    int rank = 0;
    for (String code : states.isEmpty() ? new String[0] : states.split(" ")) {
      String state =
          switch (code) {
            case "killed" -> "\"state\" : \"running\"";
            case "stopping" -> "\"state\" : \"stopping\"";
            default -> "\"exitCode\" : " + code;
          };
      written.append(
          "echo '{\"host\" : \"n%d\", %s}' >%s/rank-0000%d.json\n"
              .formatted(rank + 1, state, processes, rank++));
    }
    program(programs.resolve("srun"), written + "exit " + srun);
    program(programs.resolve("scontrol"), "#!/bin/bash\necho \"$*\" >>" + folder + "/asked");
    Path script = Files.writeString(folder.resolve("job.sh"), script(0));
    for (int attempt = 0; attempt < 2; attempt++) {
      Path said = folder.resolve("said");
      ProcessBuilder bash =
          new ProcessBuilder("bash", script.toString())
              .redirectErrorStream(true)
              .redirectOutput(said.toFile());
      bash.environment().put("PATH", programs + ":" + System.getenv("PATH"));
      bash.environment().put("SLURM_JOB_ID", "17");
      bash.environment().put("SLURM_JOB_NODELIST", "n[1-2]");
      Process job = bash.start();
      assertTrue(job.waitFor(60, TimeUnit.SECONDS));
      assertEquals(expected, job.exitValue(), Files.readString(said));
      assertEquals(
          states.contains("killed"),
          Files.readString(said).contains("rank-00001 on n2 was killed, or its machine is lost"),
          Files.readString(said));
      assertFalse(Files.readString(said).contains("rank-00000 on n1 was killed"));
    }
    Path asked = folder.resolve("asked");
    List<String> lines = Files.exists(asked) ? Files.readAllLines(asked) : List.of();
    // A failed machine counts, and --restarts is 1; a stop does not.
    assertEquals(
        requeued.isEmpty()
            ? List.of()
            : expected == 76 ? List.of(requeued) : List.of(requeued, requeued),
        lines);
  }

  private static void program(Path file, String text) throws IOException {
    Files.writeString(file, text + "\n");
    assumeTrue(file.toFile().setExecutable(true));
  }

  // ---- Kubernetes

  private List<Map<String, Object>> manifests(String target, String... more) {
    out = Path.of("/runs/tiny");
    List<String> words =
        new ArrayList<>(List.of("--to", target, "--nodes", "2", "--gpus-per-node", "8"));
    words.addAll(List.of(more));
    Outcome printed = launch(words.toArray(String[]::new));
    assertEquals(0, printed.exit(), printed.err());
    assertFalse(printed.out().contains("&id"), "anchors: " + printed.out());
    List<Map<String, Object>> objects = new ArrayList<>();
    new Yaml().loadAll(printed.out()).forEach(o -> objects.add(map(o)));
    return objects;
  }

  @SuppressWarnings("unchecked") // a map of YAML
  private static Map<String, Object> map(Object value) {
    return (Map<String, Object>) value;
  }

  private static Object at(Object value, Object... path) {
    Object found = value;
    for (Object step : path) {
      found =
          step instanceof Integer i
              ? ((List<?>) found).get(i)
              : map(found).get(String.valueOf(step));
      Objects.requireNonNull(found, step + " in " + value);
    }
    return found;
  }

  /** Every unknown field of Kubernetes' own part lands in a map that the typed models have. */
  private static List<String> unknown(String at, Object model) throws ReflectiveOperationException {
    List<String> found = new ArrayList<>();
    if (model instanceof Collection<?> all) {
      for (Object one : all) {
        found.addAll(unknown(at + "[]", one));
      }
    } else if (model != null && model.getClass().getName().startsWith("io.fabric8")) {
      for (Method method : model.getClass().getMethods()) {
        if (method.getParameterCount() > 0 || !method.getName().startsWith("get")) {
          continue;
        }
        Object value = method.invoke(model);
        if (method.getName().equals("getAdditionalProperties")) {
          map(value).keySet().forEach(key -> found.add(at + "." + key));
        } else {
          found.addAll(unknown(at + "." + method.getName().substring(3), value));
        }
      }
    }
    return found;
  }

  private static JobSpec jobSpec(Object replicatedJob) throws ReflectiveOperationException {
    JobSpec spec =
        new ObjectMapper().convertValue(at(replicatedJob, "template", "spec"), JobSpec.class);
    assertEquals(List.of(), unknown("spec", spec));
    return spec;
  }

  @Test
  void aJobSetHasAJobForEachStage() throws ReflectiveOperationException {
    List<Map<String, Object>> objects = manifests("jobset", "--queue", "training");
    ConfigMap config = new ObjectMapper().convertValue(objects.get(0), ConfigMap.class);
    assertTrue(config.getData().toString().contains("/runs/tiny/data/caption"));
    Map<String, Object> jobSet = objects.get(1);
    assertEquals("training", at(jobSet, "metadata", "labels", "kueue.x-k8s.io/queue-name"));
    assertEquals(true, at(jobSet, "spec", "suspend"));
    List<?> jobs = (List<?>) at(jobSet, "spec", "replicatedJobs");
    assertEquals("stage0", at(jobs, 0, "name"));
    assertEquals("stage-1", at(jobs, 1, "name"));
    assertEquals("stage0", at(jobs, 1, "dependsOn", 0, "name"));
    assertEquals("Complete", at(jobs, 1, "dependsOn", 0, "status"));
    JobSpec spec = jobSpec(jobs.get(1));
    assertEquals(2, spec.getParallelism());
    assertEquals(6, spec.getBackoffLimit()); // three restarts of two pods
    assertEquals(600L, spec.getTemplate().getSpec().getTerminationGracePeriodSeconds());
    var rules = spec.getPodFailurePolicy().getRules();
    assertEquals("Ignore", rules.get(0).getAction());
    assertEquals("DisruptionTarget", rules.get(0).getOnPodConditions().get(0).getType());
    assertEquals("Ignore", rules.get(1).getAction());
    assertEquals(List.of(75), rules.get(1).getOnExitCodes().getValues());
    assertEquals("FailJob", rules.get(2).getAction());
    assertEquals(List.of(1, 2, 3, 77, 78, 79), rules.get(2).getOnExitCodes().getValues());
    var container = spec.getTemplate().getSpec().getContainers().get(0);
    assertEquals(
        List.of("launch", "/etc/palimpsest/recipe.yaml", "--to", "local"),
        container.getArgs().subList(0, 4));
    List<String> words = container.getArgs();
    assertEquals("8", words.get(words.indexOf("--gpus-per-node") + 1), words.toString());
    assertEquals("8", String.valueOf(container.getResources().getLimits().get("nvidia.com/gpu")));
    Map<String, String> variables = new HashMap<>();
    container.getEnv().forEach(e -> variables.put(e.getName(), String.valueOf(e.getValue())));
    assertEquals("tiny-stage-1-0-0.tiny", variables.get("PET_MASTER_ADDR"));
    assertEquals("8", variables.get("PET_NPROC_PER_NODE"));
  }

  @Test
  void aTrainJobsTrainerIsTheLastStage() throws ReflectiveOperationException {
    List<Map<String, Object>> objects = manifests("trainjob");
    assertEquals("TrainingRuntime", at(objects.get(1), "kind"));
    List<?> jobs = (List<?>) at(objects.get(1), "spec", "template", "spec", "replicatedJobs");
    assertEquals("stage0", at(jobs, 0, "name"));
    assertEquals("node", at(jobs, 1, "name"));
    assertEquals(
        "trainer",
        at(
            jobs,
            1,
            "template",
            "metadata",
            "labels",
            "trainer.kubeflow.org/trainjob-ancestor-step"));
    // Kubeflow sets the variables of its trainer itself, and refuses others'.
    assertEquals(
        List.of(), jobSpec(jobs.get(1)).getTemplate().getSpec().getContainers().get(0).getEnv());
    assertFalse(
        jobSpec(jobs.get(0)).getTemplate().getSpec().getContainers().get(0).getEnv().isEmpty());
    assertEquals("tiny", at(objects.get(2), "spec", "runtimeRef", "name"));
    assertEquals(8, at(objects.get(2), "spec", "trainer", "numProcPerNode"));
  }

  @Test
  void everyMistakeIsNamedBeforeAnythingIsSubmitted() {
    Outcome wrong =
        launch(
            ("--to slurm --nodes 0 --gpus-per-node 2 --processes 3 --time soon --mpi a,b --cpus 0"
                    + " --restarts -1 --signal-seconds 0 --sbatch partition=gpu --queue q"
                    + " --set ranks.sharding=all --set stages.Stage_1.batchSize=-7")
                .split(" "));
    assertEquals(2, wrong.exit());
    assertTrue(wrong.err().startsWith("11 mistakes:\n"), wrong.err());
    for (String mistake :
        List.of(
            "--queue: is for --to jobset and trainjob, not for --to slurm",
            "--nodes: must be at least 1, got 0",
            "--processes: 3 are more than --gpus-per-node 2",
            "--restarts: must be at least 0, got -1",
            "--cpus: must be at least 1, got 0",
            "--signal-seconds: must be from 1 to 65535, got 0",
            "--time: must be minutes, [D-]HH:MM:SS or 'unlimited', got 'soon'",
            "--mpi: must be one of",
            "--sbatch: must be an option, such as --sbatch=--partition=gpu, got 'partition=gpu'",
            "ranks.sharding: must be one of",
            "batchSize: must be from 1 to")) {
      assertTrue(wrong.err().contains(mistake), mistake + " in " + wrong.err());
    }
    Outcome pods =
        launch(
            ("--to jobset --gpus-per-node 1 --grace 0 --memory lots --namespace A_b --queue B!"
                    + " --volume claim --time 1")
                .split(" "));
    assertEquals(2, pods.exit());
    assertTrue(pods.err().startsWith("6 mistakes:\n"), pods.err());
  }

  @Test
  void whatRanksCannotDivideIsNamedBeforeAnythingIsSubmitted() {
    Outcome wrong =
        launch(
            ("--to slurm --nodes 3 --gpus-per-node 1 --print --set ranks.reductionOrder=fixed"
                    + " --set ranks.shardWithin=2")
                .split(" "));
    assertEquals(2, wrong.exit());
    assertTrue(wrong.err().startsWith("3 mistakes:\n"), wrong.err());
    assertTrue(
        wrong.err().contains("ranks.shardWithin: must divide the number of ranks, 3, got 2"),
        wrong.err());
    assertTrue(
        wrong.err().contains("stages.Stage_1.microBatch: the 16 micro batches of a step"),
        wrong.err());
  }

  @Test
  void whatCannotBeLaunchedIsAMistake() {
    Outcome pods = launch("--to", "jobset", "--nodes", "2");
    assertEquals(2, pods.exit());
    assertTrue(
        pods.err().contains("pods without GPUs have no collectives between them"), pods.err());
    Outcome outside = launch("--to", "jobset", "--gpus-per-node", "1");
    assertTrue(outside.err().contains("must be below /runs"), outside.err());
    assertTrue(launch("--to", "local", "--nodes", "2").err().contains("leave out --nodes"));
    assertTrue(
        launch("--to", "local", "--gpus-per-node", "2", "--processes", "3")
            .err()
            .contains("are more than"));
    assertTrue(
        launch("--to", "slurm", "--until", "x").err().contains("is not a stage of this recipe"));
  }
}
