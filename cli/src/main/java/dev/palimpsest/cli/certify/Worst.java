package dev.palimpsest.cli.certify;

/** The largest of many errors and where it occurred, so that many tensors give one line. */
final class Worst {
  private double error;
  private String name = "";
  private int count;

  /** Adds one error. */
  void add(String of, double value) {
    if (count == 0 || Double.isNaN(value) || value > error) {
      error = value;
      name = of;
    }
    count++;
  }

  /** Writes the line, or nothing if nothing was added. */
  void report(Report report, String quantity, Tolerance tolerance, String unit) {
    if (count > 0) {
      report.check(
          quantity,
          error,
          tolerance,
          error == 0 ? count + " " + unit : "worst of " + count + " " + unit + ": " + name);
    }
  }
}
