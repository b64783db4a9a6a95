package dev.palimpsest.eval.metrics;

/** Records, names or files handed to a metric are not what it needs; the message says which. */
public final class MetricInputException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  /** Creates an exception with a message for the person who provided the input. */
  public MetricInputException(String message) {
    super(message);
  }
}
