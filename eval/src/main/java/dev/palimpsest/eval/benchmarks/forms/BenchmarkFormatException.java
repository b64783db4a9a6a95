package dev.palimpsest.eval.benchmarks.forms;

/** A benchmark file is not in the form in which it is published; the message says where. */
public final class BenchmarkFormatException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  /** Creates an exception with a message that says where. */
  public BenchmarkFormatException(String message) {
    super(message);
  }
}
