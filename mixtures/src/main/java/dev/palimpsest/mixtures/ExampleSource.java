package dev.palimpsest.mixtures;

import dev.palimpsest.configs.SourceConfig;

/** Rows with random access. Thread-safe. */
public interface ExampleSource extends AutoCloseable {
  /**
   * Opens a source.
   *
   * @throws java.io.UncheckedIOException when it cannot be read
   * @throws IllegalArgumentException when it holds no row
   */
  static ExampleSource open(SourceConfig config) {
    return config.match(JsonLinesSource::open);
  }

  /** Number of rows. */
  long size();

  /**
   * The row at a position, 0-based.
   *
   * @throws BadExampleException when there is no usable row
   */
  Row row(long index);

  /** SHA-256 over the content, in hex; changes when any row changes. */
  String fingerprint();

  @Override
  void close();
}
