package dev.palimpsest.cli.launch;

import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.UserMistake;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.Yaml;

/**
 * A run as objects of Kubernetes: a ConfigMap with the recipe, and a JobSet
 * (jobset.x-k8s.io/v1alpha2) or a TrainingRuntime and its TrainJob (trainer.kubeflow.org/v1alpha1),
 * in which each stage is a job that depends on the one before.
 *
 * <p>A pod is a node. Pods are restarted by their Job: without limit when a run was stopped or a
 * node was taken away, a limited number of times when something failed, and not at all where a
 * second start would end in the same way. Since all ranks end when one does, no pod survives
 * another.
 */
final class Manifests {
  private static final String CONTAINER = "node";
  private static final Path RECIPE = Path.of("/etc/palimpsest/recipe.yaml");
  private static final String PROGRAM = "/opt/palimpsest/palimpsest";
  private static final String HEARTBEAT = "/run/palimpsest/heartbeat";
  private static final int METRICS_PORT = 9400;
  private static final int RENDEZVOUS_PORT = 29_500;

  /** A label's most characters; names of pods are made of three names and two numbers. */
  private static final int MOST = 63;

  private static final int SUFFIX = "-0-000-xxxxx".length();

  /** For this long a heartbeat must be missing before a pod counts as hung. */
  private static final int SILENCE_SECONDS = 120;

  private final Job job;
  private final Settings settings;
  private final String name;
  private final List<String> names;

  /**
   * What a cluster needs to know.
   *
   * @param image with the program, as the Dockerfile builds it
   * @param claim persistent volume claim that holds the run folder
   * @param mount where it is mounted; the run folder is below it
   * @param queue local queue of Kueue; null for none
   * @param namespace null for the current one
   * @param graceSeconds from the request to stop to the kill: as long as a step and a save take
   * @param restarts how often a stage may start again after a failure
   * @param cpus of each node; null for no request
   * @param memory of each node, as {@code 200Gi}; null for no request
   */
  record Settings(
      String image,
      String claim,
      Path mount,
      @Nullable String queue,
      @Nullable String namespace,
      int graceSeconds,
      int restarts,
      @Nullable String cpus,
      @Nullable String memory) {}

  Manifests(Job job, Settings settings) {
    this.job = job;
    this.settings = settings;
    if (job.nodes() > 1 && job.gpus() == 0) {
      throw new UserMistake(
          "pods without GPUs have no collectives between them: give --gpus-per-node, or take --nodes 1");
    }
    if (!job.out().startsWith(settings.mount)) {
      throw new UserMistake(
          "--out %s must be below %s, where the volume is mounted (--volume)"
              .formatted(job.out(), settings.mount));
    }
    name = dns(job.name());
    names = new ArrayList<>();
    Set<String> taken = new HashSet<>();
    for (String stage : job.stages()) {
      String own = dns(stage);
      for (int i = 2; !taken.add(own); i++) {
        own = dns(stage) + "-" + i;
      }
      int length = name.length() + 1 + own.length() + SUFFIX;
      if (length > MOST) {
        throw new UserMistake(
            "the recipe's and the stage's name are too long for Kubernetes: '%s-%s' has %d characters, %d are possible"
                .formatted(name, own, name.length() + 1 + own.length(), MOST - SUFFIX));
      }
      names.add(own);
    }
  }

  /** A name as Kubernetes takes it. */
  private static String dns(String name) {
    String plain =
        name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9-]+", "-").replaceAll("^-+|-+$", "");
    return plain.isEmpty() ? "run" : plain;
  }

  /** The objects of a JobSet. */
  List<Map<String, Object>> jobSet() {
    Map<String, Object> spec = map("replicatedJobs", replicatedJobs(names));
    spec.put("network", map("enableDNSHostnames", true));
    spec.put("failurePolicy", map("maxRestarts", 0));
    Map<String, Object> jobSet = object("jobset.x-k8s.io/v1alpha2", "JobSet", name, true);
    if (settings.queue != null) {
      spec.put("suspend", true);
    }
    jobSet.put("spec", spec);
    return List.of(recipe(), jobSet);
  }

  /** The objects of a TrainJob. Its trainer is the last stage, whose job has to be called node. */
  List<Map<String, Object>> trainJob() {
    List<String> jobs = new ArrayList<>(names.subList(0, names.size() - 1));
    if (jobs.contains(CONTAINER)) {
      throw new UserMistake("a stage before the last cannot be called 'node' in a TrainJob");
    }
    jobs.add(CONTAINER);
    Map<String, Object> runtime =
        object("trainer.kubeflow.org/v1alpha1", "TrainingRuntime", name, false);
    Map<String, Object> template = map("replicatedJobs", replicatedJobs(jobs));
    template.put("failurePolicy", map("maxRestarts", 0));
    Map<String, Object> policy = map("numNodes", job.nodes());
    policy.put("torch", map());
    Map<String, Object> runtimeSpec = map("mlPolicy", policy);
    runtimeSpec.put("template", map("spec", template));
    runtime.put("spec", runtimeSpec);

    Map<String, Object> trainJob = object("trainer.kubeflow.org/v1alpha1", "TrainJob", name, true);
    Map<String, Object> reference = map("apiGroup", "trainer.kubeflow.org");
    reference.put("kind", "TrainingRuntime");
    reference.put("name", name);
    Map<String, Object> spec = map("runtimeRef", reference);
    if (settings.queue != null) {
      spec.put("suspend", true);
    }
    Map<String, Object> trainer = map("numNodes", job.nodes());
    trainer.put("numProcPerNode", job.processes());
    spec.put("trainer", trainer);
    trainJob.put("spec", spec);
    return List.of(recipe(), runtime, trainJob);
  }

  /** The objects as a file for {@code kubectl apply -f -}. */
  static String yaml(List<Map<String, Object>> objects) {
    DumperOptions options = new DumperOptions();
    options.setDefaultFlowStyle(DumperOptions.FlowStyle.BLOCK);
    options.setIndicatorIndent(2);
    options.setIndentWithIndicator(true);
    options.setWidth(120);
    options.setExplicitStart(true);
    return new Yaml(options).dumpAll(objects.iterator());
  }

  // ---- Parts

  private Map<String, Object> object(String api, String kind, String own, boolean queued) {
    Map<String, Object> object = map("apiVersion", api);
    object.put("kind", kind);
    Map<String, Object> metadata = map("name", own);
    if (settings.namespace != null) {
      metadata.put("namespace", settings.namespace);
    }
    Map<String, Object> labels = map("app.kubernetes.io/name", "palimpsest");
    if (queued && settings.queue != null) {
      labels.put("kueue.x-k8s.io/queue-name", settings.queue);
    }
    metadata.put("labels", labels);
    object.put("metadata", metadata);
    return object;
  }

  private Map<String, Object> recipe() {
    Map<String, Object> map = object("v1", "ConfigMap", name + "-recipe", false);
    map.put("data", map(String.valueOf(RECIPE.getFileName()), job.resolved()));
    return map;
  }

  private List<Object> replicatedJobs(List<String> jobs) {
    List<Object> list = new ArrayList<>();
    for (int i = 0; i < jobs.size(); i++) {
      Map<String, Object> replicated = map("name", jobs.get(i));
      replicated.put("replicas", 1);
      if (i > 0) {
        Map<String, Object> before = map("name", jobs.get(i - 1));
        before.put("status", "Complete");
        replicated.put("dependsOn", List.of(before));
      }
      Map<String, Object> template = map();
      boolean trainer = jobs.get(i).equals(CONTAINER) && !names.get(i).equals(CONTAINER);
      if (jobs.get(i).equals(CONTAINER)) {
        template.put(
            "metadata",
            map("labels", map("trainer.kubeflow.org/trainjob-ancestor-step", "trainer")));
      }
      template.put("spec", jobSpec(jobs.get(i), job.stages().get(i), !trainer));
      replicated.put("template", template);
      list.add(replicated);
    }
    return list;
  }

  private Map<String, Object> jobSpec(String jobName, String stage, boolean ownVariables) {
    Map<String, Object> spec = map("parallelism", job.nodes());
    spec.put("completions", job.nodes());
    spec.put("completionMode", "Indexed");
    spec.put("backoffLimit", settings.restarts * job.nodes());
    Map<String, Object> taken = map("action", "Ignore");
    Map<String, Object> disruption = map("type", "DisruptionTarget");
    disruption.put("status", "True");
    taken.put("onPodConditions", List.of(disruption));
    spec.put(
        "podFailurePolicy",
        map(
            "rules",
            List.of(
                taken,
                onExit("Ignore", ExitCode.codes(ExitCode.Restart.FREE)),
                onExit("FailJob", ExitCode.codes(ExitCode.Restart.IN_VAIN)))));
    Map<String, Object> pod = map("restartPolicy", "Never");
    pod.put("terminationGracePeriodSeconds", settings.graceSeconds);
    pod.put("containers", List.of(container(jobName, stage, ownVariables)));
    pod.put(
        "volumes",
        List.of(
            volume("run", "persistentVolumeClaim", map("claimName", settings.claim)),
            volume("recipe", "configMap", map("name", name + "-recipe")),
            volume("state", "emptyDir", map()),
            volume("shared-memory", "emptyDir", map("medium", "Memory"))));
    Map<String, Object> template =
        map("metadata", map("labels", map("app.kubernetes.io/name", "palimpsest")));
    template.put("spec", pod);
    spec.put("template", template);
    return spec;
  }

  private static Map<String, Object> onExit(String action, List<Integer> codes) {
    Map<String, Object> exits = map("containerName", CONTAINER);
    exits.put("operator", "In");
    exits.put("values", codes);
    Map<String, Object> rule = map("action", action);
    rule.put("onExitCodes", exits);
    return rule;
  }

  private Map<String, Object> container(String jobName, String stage, boolean ownVariables) {
    Map<String, Object> container = map("name", CONTAINER);
    container.put("image", settings.image);
    container.put("command", List.of(PROGRAM));
    List<String> words = new ArrayList<>();
    if (job.processes() > 1) {
      words.addAll(List.of("launch", RECIPE.toString(), "--to", "local", "--out", job.out() + ""));
      words.addAll(List.of("--processes", "" + job.processes(), "--until", stage));
      words.addAll(List.of("--gpus-per-node", "" + job.gpus()));
      for (String option : runOptions()) {
        words.addAll(List.of("--option", option));
      }
    } else {
      words.addAll(job.run(RECIPE, stage));
      words.addAll(List.of("--heartbeat", HEARTBEAT, "--metrics", "0.0.0.0:" + METRICS_PORT));
    }
    container.put("args", words);
    if (ownVariables && job.worldSize() > 1) {
      container.put("env", variables(jobName));
    }
    Map<String, Object> port = map("name", "metrics");
    port.put("containerPort", METRICS_PORT);
    container.put("ports", List.of(port));
    resources().ifPresentIn(container);
    container.put(
        "volumeMounts",
        List.of(
            mount("run", settings.mount.toString()),
            mount("recipe", String.valueOf(RECIPE.getParent())),
            mount("state", "/run/palimpsest"),
            mount("shared-memory", "/dev/shm")));
    Map<String, Object> startup = probe("test -e " + HEARTBEAT, 10);
    startup.put("failureThreshold", 60);
    container.put("startupProbe", startup);
    container.put(
        "livenessProbe",
        probe(
            "test -n \"$(find %s -newermt '-%d seconds')\"".formatted(HEARTBEAT, SILENCE_SECONDS),
            30));
    return container;
  }

  private List<String> runOptions() {
    List<String> options = new ArrayList<>(job.options());
    options.addAll(List.of("--heartbeat", HEARTBEAT, "--metrics", "0.0.0.0:" + METRICS_PORT));
    return options;
  }

  /** Of torchrun's kind, as Kubeflow's trainer sets them for its own job. */
  private List<Object> variables(String jobName) {
    List<Object> variables = new ArrayList<>();
    variables.add(variable("PET_NNODES", "" + job.nodes()));
    variables.add(variable("PET_NPROC_PER_NODE", "" + job.processes()));
    Map<String, Object> rank = map("name", "PET_NODE_RANK");
    rank.put(
        "valueFrom",
        map(
            "fieldRef",
            map("fieldPath", "metadata.annotations['batch.kubernetes.io/job-completion-index']")));
    variables.add(rank);
    variables.add(variable("PET_MASTER_ADDR", "%s-%s-0-0.%s".formatted(name, jobName, name)));
    variables.add(variable("PET_MASTER_PORT", "" + RENDEZVOUS_PORT));
    return variables;
  }

  private static Map<String, Object> variable(String name, String value) {
    Map<String, Object> variable = map("name", name);
    variable.put("value", value);
    return variable;
  }

  /** Requests and limits, which are equal, so that a node's share is the pod's own. */
  private record Resources(Map<String, Object> amounts) {
    void ifPresentIn(Map<String, Object> container) {
      if (!amounts.isEmpty()) {
        Map<String, Object> both = map("requests", new LinkedHashMap<>(amounts));
        both.put("limits", new LinkedHashMap<>(amounts));
        container.put("resources", both);
      }
    }
  }

  private Resources resources() {
    Map<String, Object> amounts = map();
    if (settings.cpus != null) {
      amounts.put("cpu", settings.cpus);
    }
    if (settings.memory != null) {
      amounts.put("memory", settings.memory);
    }
    if (job.gpus() > 0) {
      amounts.put("nvidia.com/gpu", Integer.toString(job.gpus()));
    }
    return new Resources(amounts);
  }

  private static Map<String, Object> probe(String test, int periodSeconds) {
    Map<String, Object> probe = map("exec", map("command", List.of("sh", "-c", test)));
    probe.put("periodSeconds", periodSeconds);
    return probe;
  }

  private static Map<String, Object> volume(String name, String kind, Map<String, Object> what) {
    Map<String, Object> volume = map("name", name);
    volume.put(kind, what);
    return volume;
  }

  private static Map<String, Object> mount(String name, String path) {
    Map<String, Object> mount = map("name", name);
    mount.put("mountPath", path);
    return mount;
  }

  private static Map<String, Object> map() {
    return new LinkedHashMap<>();
  }

  private static Map<String, Object> map(String key, Object value) {
    Map<String, Object> map = map();
    map.put(key, value);
    return map;
  }
}
