package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.eval.metrics.golden.MetricCertification;
import dev.palimpsest.model.kernels.Kernels;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Scores computed by the benchmarks' official programs: one file of cases for each metric. */
final class MetricCase implements CaseKind {
  @Override
  public String description() {
    return "metric values of official programs (*.json with cases)";
  }

  @Override
  public boolean recognises(Path folder) {
    return !files(folder).isEmpty();
  }

  @Override
  public void certify(Path folder, NDManager manager, Kernels kernels, Report report) {
    for (Path file : files(folder)) {
      String name = String.valueOf(file.getFileName());
      report.part(
          name,
          () -> {
            for (MetricCertification.Row row : MetricCertification.run(file)) {
              report.check(
                  "%s:%s %s".formatted(row.metric(), row.variant(), row.quantity()),
                  row.largestError(),
                  new Tolerance(row.tolerance(), "max|d|"),
                  "%d values, %s".formatted(row.compared(), name));
            }
          });
    }
  }

  private static List<Path> files(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(file -> file.toString().endsWith(".json"))
          .filter(MetricCase::isGolden)
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + folder, e);
    }
  }

  private static boolean isGolden(Path file) {
    try {
      return MetricCertification.recognises(file);
    } catch (IOException e) {
      return false; // not JSON: another kind of file
    }
  }
}
