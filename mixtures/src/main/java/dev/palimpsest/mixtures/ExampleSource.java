package dev.palimpsest.mixtures;

/** Examples with random access. Thread-safe. */
public interface ExampleSource extends AutoCloseable {
  /** Number of examples. */
  long size();

  /** The example at a position, 0-based. */
  Example get(long index);

  /** SHA-256 over the content, in hex; changes when any example changes. */
  String fingerprint();

  @Override
  void close();
}
