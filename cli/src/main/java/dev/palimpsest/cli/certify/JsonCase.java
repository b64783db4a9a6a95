package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.model.kernels.Kernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A kind of case made of JSON files, of which one is enough.
 *
 * @param subject what is compared
 * @param files in the order in which they are compared
 */
record JsonCase(String subject, List<Part> files) implements CaseKind {
  /** A file of the case, and the comparisons with its contents. */
  record Part(String file, Checks checks) {}

  /** Comparisons with the contents of a file. */
  @FunctionalInterface
  interface Checks {
    /** Runs them; {@code manager} and {@code report} are those of {@link CaseKind#certify}. */
    void run(JsonNode file, NDManager manager, Kernels kernels, Report report) throws IOException;
  }

  @Override
  public String description() {
    return subject + " (" + String.join(", ", files.stream().map(Part::file).toList()) + ")";
  }

  @Override
  public boolean recognises(Path folder) {
    return files.stream().anyMatch(part -> Files.isRegularFile(folder.resolve(part.file())));
  }

  @Override
  public void certify(Path folder, NDManager manager, Kernels kernels, Report report)
      throws IOException {
    for (Part part : files) {
      report.with(folder, part.file(), file -> part.checks().run(file, manager, kernels, report));
    }
  }
}
