package dev.palimpsest.mixtures;

import dev.palimpsest.configs.SourceConfig;

/** Examples with random access. Thread-safe. */
public interface ExampleSource extends AutoCloseable {
  /**
   * Opens a source.
   *
   * @throws java.io.UncheckedIOException when it cannot be read
   * @throws IllegalArgumentException when it holds no example
   */
  static ExampleSource open(SourceConfig config) {
    return config.match(JsonLinesSource::open);
  }

  /** Number of examples. */
  long size();

  /**
   * The example at a position, 0-based, as an epoch shows it.
   *
   * @param epoch how often the source was gone through before; an example with several targets
   *     shows another one each time, all of them before any comes again (big_vision's {@code
   *     choice_no_replacement})
   * @throws BadExampleException when there is no usable example
   */
  Example get(long index, long epoch);

  /** The example at a position, 0-based, as the first epoch shows it. */
  default Example get(long index) {
    return get(index, 0);
  }

  /** SHA-256 over the content, in hex; changes when any example changes. */
  String fingerprint();

  @Override
  void close();
}
