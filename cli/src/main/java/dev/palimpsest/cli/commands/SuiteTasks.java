package dev.palimpsest.cli.commands;

import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.data.ImageConfig.Jpeg;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.configs.evaluation.BenchmarkConfig;
import dev.palimpsest.configs.evaluation.SuiteConfig;
import dev.palimpsest.configs.evaluation.SuiteConfig.SuiteTaskConfig;
import dev.palimpsest.eval.Judged;
import dev.palimpsest.eval.benchmarks.BenchmarkReader;
import dev.palimpsest.eval.benchmarks.Benchmarks;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import dev.palimpsest.mixtures.formats.TextFile;
import dev.palimpsest.mixtures.images.TurboJpeg;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The tasks that {@code --suite} names. */
final class SuiteTasks {
  private SuiteTasks() {}

  /**
   * Tasks by name.
   *
   * @param suite names of suites and benchmarks separated by commas, or a file
   * @param dataDir the folder of the benchmarks' files
   */
  static Map<String, SuiteTaskConfig> of(String suite, Path dataDir) throws IOException {
    Map<String, SuiteTaskConfig> tasks = new LinkedHashMap<>();
    Path file = Path.of(suite);
    if (suite.endsWith(".yaml") && isSuite(file)) {
      SuiteConfig own = Recipes.bindSuite(file);
      tasks.putAll(own.tasks());
      return tasks;
    }
    List<String> names =
        suite.endsWith(".yaml") ? List.of(suite) : Benchmarks.index().expand(suite);
    for (String name : names) {
      tasks.put(
          Benchmarks.find(name).name(), SuiteTaskConfig.ofBenchmark(name, dataDir.toString()));
    }
    return tasks;
  }

  private static boolean isSuite(Path file) throws IOException {
    return !Files.isRegularFile(file)
        || TextFile.lines(file).stream().anyMatch(line -> line.startsWith("tasks:"));
  }

  /** Reports every benchmark with missing files and every unknown metric at once. */
  static void requireAnswerable(Map<String, SuiteTaskConfig> tasks) {
    List<String> mistakes = new ArrayList<>();
    tasks.forEach(
        (name, task) -> {
          List<String> metrics = new ArrayList<>(task.metrics());
          if (task.benchmark() != null && task.dataDir() != null) {
            BenchmarkConfig benchmark = Benchmarks.find(task.benchmark());
            metrics.addAll(benchmark.metrics());
            if (benchmark.image().jpeg() == Jpeg.FAST && !TurboJpeg.isFound()) {
              mistakes.add(name + ": " + TurboJpeg.ABSENT);
            }
            try {
              new BenchmarkReader(benchmark, Path.of(task.dataDir())).data();
            } catch (BenchmarkFormatException e) {
              mistakes.add(String.valueOf(e.getMessage()));
            }
          }
          Benchmarks.unknownMetrics(metrics)
              .forEach(mistake -> mistakes.add(name + ": " + mistake));
        });
    if (!mistakes.isEmpty()) {
      throw new UserMistake(String.join("\n", mistakes));
    }
  }

  /** Weights that turn segmentation tokens into masks, by task, where they are at hand. */
  static Map<String, String> maskDecoders(Map<String, SuiteTaskConfig> tasks) {
    Map<String, String> decoders = new LinkedHashMap<>();
    tasks.forEach(
        (name, task) -> {
          if (task.type() instanceof TaskType.Segment segment && segment.vae() != null) {
            decoders.put(name, segment.vae());
          } else if (task.benchmark() != null && task.dataDir() != null) {
            Benchmarks.find(task.benchmark()).metrics().stream()
                .flatMap(metric -> Benchmarks.metric(metric).file().stream())
                .findFirst()
                .ifPresent(file -> decoders.put(name, Path.of(task.dataDir(), file).toString()));
          }
        });
    return decoders;
  }

  /** Of results by task, those of the last model. */
  static Map<String, Judged> last(Map<String, List<Judged>> judged) {
    Map<String, Judged> last = new LinkedHashMap<>();
    judged.forEach((name, all) -> last.put(name, all.get(all.size() - 1)));
    return last;
  }
}
