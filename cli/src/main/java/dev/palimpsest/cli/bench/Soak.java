package dev.palimpsest.cli.bench;

import dev.palimpsest.cli.commands.Environment;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.model.kernels.ProcessStatus;
import dev.palimpsest.stages.PipelineRunner;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.logs.StepMetrics;
import dev.palimpsest.stages.training.Progress;
import dev.palimpsest.stages.training.StopRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;

/**
 * A long run of a small model that is watched for leaks of resident memory, native arrays, open
 * files and threads. Training, scoring and saving are those of any run.
 */
final class Soak {
  private static final String RECIPE =
      """
      name: soak
      threads: 1
      prepare:
        playground: {out: '${run}/data', trainImages: 200, heldOutImages: 16}
        towers: {out: '${run}/towers', resolution: 56}
      tokenizer: {path: '${run}/data/tokenizer.model'}
      model:
        vision: {width: 64, depth: 2, mlpWidth: 256, heads: 4, patchSize: 14}
        language: {vocabulary: 1728, width: 96, depth: 2, mlpWidth: 384, heads: 4, keyValueHeads: 1,
          headDim: 24, queryScalar: 24}
      tasks:
        caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
        answer: {source: {jsonl: '${run}/data/answer.train.jsonl'}}
      suites:
        heldout:
          tasks:
            caption: {source: {jsonl: '${run}/data/caption.heldout.jsonl'}, decode: {maxNewTokens: 8}}
      stages:
        - name: import
          init: {pretrained: {vision: '${run}/towers/siglip.npz', language: '${run}/towers/gemma'}}
          resolution: 56
          textTokens: 32
          export: {formats: []}
        - name: soak
          init: {stage: import}
          examples: 4
          resolution: 56
          textTokens: 32
          batchSize: 4
          mixture: {caption: 2, answer: 1}
          optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
          guard: {spike: note, deviations: 50}
          evaluate: {suites: [heldout]}
          export: {formats: []}
      """;

  private static final long GIVING_BACK_NANOS = 300_000_000;

  private final int steps;
  private final int every;
  private final Machine machine;
  private final Consumer<Sample> listener;
  private final List<Sample> samples = new ArrayList<>();
  private final long began = System.nanoTime();

  /**
   * Creates a run with a number of steps.
   *
   * @param every steps between samples; the run is also saved and scored at this interval, half way
   *     between samples
   * @param listener receives each sample
   */
  Soak(int steps, int every, Machine machine, Consumer<Sample> listener) {
    this.steps = steps;
    this.every = every;
    this.machine = machine;
    this.listener = listener;
  }

  /**
   * What the process uses after a step and a garbage collection.
   *
   * @param residentBytes VmRSS of /proc/self/status
   * @param heapBytes of the JVM in use
   * @param arrays native arrays held by the run's manager and its children
   * @param files entries of /proc/self/fd
   * @param threads of the JVM, without its own helper threads
   */
  record Sample(
      int step,
      double seconds,
      long residentBytes,
      long heapBytes,
      int arrays,
      int files,
      int threads) {}

  /** Runs in a folder and returns the samples. */
  List<Sample> run(Path folder) {
    long between = 4L * every;
    PipelineConfig recipe =
        Recipes.bind(
            RECIPE,
            "the soak recipe",
            List.of(
                "stages.soak.examples=" + 4L * steps,
                "stages.soak.checkpoint.everyExamples=" + between,
                "stages.soak.evaluate.everyExamples=" + between),
            Map.of("run", folder.toString()));
    new PipelineRunner(machine.manager(), machine.kernels(), new Sampler(), new StopRequest())
        .run(recipe, new RunFolder(folder), Environment.facts(machine.device()));
    return List.copyOf(samples);
  }

  private final class Sampler implements Progress {
    @Override
    public void start(StageConfig stage, long fromExamples) {}

    @Override
    public void step(StageConfig stage, StepMetrics metrics) {
      if ((metrics.step() + every / 2) % every == 0) {
        Sample sample = sample((int) metrics.step());
        samples.add(sample);
        listener.accept(sample);
      }
    }

    @Override
    public void end() {}
  }

  private Sample sample(int step) {
    System.gc(); // garbage is not a leak,
    LockSupport.parkNanos(GIVING_BACK_NANOS); // and the JVM returns it in its own time
    Runtime runtime = Runtime.getRuntime();
    return new Sample(
        step,
        (System.nanoTime() - began) / 1e9,
        ProcessStatus.bytes("VmRSS").orElse(0),
        runtime.totalMemory() - runtime.freeMemory(),
        machine.manager().getManagedArrays().size(),
        openFiles(),
        ManagementFactory.getThreadMXBean().getThreadCount());
  }

  private static int openFiles() {
    try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
      return (int) files.count();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list /proc/self/fd", e);
    }
  }

  /** Whether the system reports what a process uses. */
  static boolean isPossible() {
    return ProcessStatus.bytes("VmRSS").isPresent() && Files.isDirectory(Path.of("/proc/self/fd"));
  }

  /** Samples after the warm-up: caches fill and code is compiled in the first quarter. */
  static List<Sample> settled(List<Sample> samples) {
    return samples.subList(samples.size() / 4, samples.size());
  }

  /**
   * The relative difference between the median resident memory of the second half and that of the
   * first half. Single samples vary with what the JVM and the C library keep for reuse.
   */
  static double residentDrift(List<Sample> settled) {
    int half = settled.size() / 2;
    double early = medianResident(settled.subList(0, half));
    return medianResident(settled.subList(half, settled.size())) / early - 1;
  }

  private static double medianResident(List<Sample> samples) {
    long[] sorted = samples.stream().mapToLong(Sample::residentBytes).sorted().toArray();
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2.0;
  }

  /** Whether a count is larger at the end than it ever was in the first half. */
  static boolean grows(List<Sample> settled, ToLongFunction<Sample> count) {
    int half = (settled.size() + 1) / 2;
    long early = settled.subList(0, half).stream().mapToLong(count).max().orElseThrow();
    return count.applyAsLong(settled.get(settled.size() - 1)) > early;
  }
}
