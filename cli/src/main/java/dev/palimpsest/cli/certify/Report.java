package dev.palimpsest.cli.certify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What one case's comparisons came to. */
final class Report {
  private final String caseName;
  private final List<Check> checks = new ArrayList<>();
  private final List<String> notRun = new ArrayList<>();

  Report(String caseName) {
    this.caseName = caseName;
  }

  /** A comparison's outcome. */
  void check(String quantity, double error, Tolerance tolerance) {
    check(quantity, error, tolerance, "");
  }

  /** A comparison's outcome. */
  void check(String quantity, double error, Tolerance tolerance, String note) {
    checks.add(new Check(caseName, quantity, error, tolerance, note));
  }

  /** Something of this kind of case that the folder does not hold. */
  void absent(String what) {
    notRun.add(what);
  }

  /** Comparisons with a file of the case, if it is there. */
  void with(Path folder, String file, FileChecks checks) throws IOException {
    if (Files.isRegularFile(folder.resolve(file))) {
      checks.run(Reference.json(folder.resolve(file)));
    } else {
      absent(file);
    }
  }

  /** Comparisons with the contents of a file. */
  @FunctionalInterface
  interface FileChecks {
    void run(JsonNode file) throws IOException;
  }

  /**
   * Comparisons that belong together: when the program cannot even produce the numbers, that is one
   * failed line and the other comparisons go on.
   */
  void part(String quantity, Part part) {
    try {
      part.run();
    } catch (IOException | RuntimeException e) {
      check(quantity, Double.NaN, Tolerance.EXACT, "could not be run: " + message(e));
    }
  }

  /** The line that says what went wrong; the engine's messages begin with a trace. */
  private static String message(Exception e) {
    String text = e.getMessage() == null ? e.toString() : e.getMessage();
    return text.lines()
        .filter(line -> line.startsWith("RuntimeError"))
        .findFirst()
        .orElse(text.lines().findFirst().orElse(text));
  }

  String caseName() {
    return caseName;
  }

  List<Check> checks() {
    return checks;
  }

  List<String> notRun() {
    return notRun;
  }

  /** Whether at least one comparison was made and all hold. */
  boolean holds() {
    return !checks.isEmpty() && checks.stream().allMatch(Check::holds);
  }

  /** Comparisons that may fail to run. */
  @FunctionalInterface
  public interface Part {
    void run() throws IOException;
  }
}
