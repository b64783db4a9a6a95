package dev.palimpsest.mixtures.sources;

import dev.palimpsest.configs.data.SourceConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Rows with random access. Thread-safe. */
public interface ExampleSource extends AutoCloseable {
  /**
   * Opens a source.
   *
   * @throws java.io.UncheckedIOException when it cannot be read
   * @throws IllegalArgumentException when it has no rows
   */
  static ExampleSource open(SourceConfig config) {
    config.files().values().stream()
        .map(Path::of)
        .filter(Files::isRegularFile)
        .forEach(SourceFiles::requireFetched);
    return config.match(
        lines ->
            SourceFiles.open(
                lines.path(),
                file ->
                    JsonLinesSource.open(
                        file, SourceFiles.folder(lines.images(), file), lines.pictures())),
        parquet -> SourceFiles.open(parquet.path(), file -> ParquetSource.open(file, parquet)),
        arrow ->
            SourceFiles.open(
                arrow.path(),
                file ->
                    ArrowSource.open(
                        file,
                        arrow.columns(),
                        arrow.pictures(),
                        SourceFiles.folder(arrow.images(), file))),
        tar -> SourceFiles.open(tar.path(), file -> TarSource.open(file, tar.pictures())),
        CocoSource::open,
        CocoSource::open,
        VqaSource::open,
        OpenImagesSource::open);
  }

  /** Missing files of a source: a message for each, by the recipe's key. */
  static Map<String, String> missing(SourceConfig config) {
    Map<String, String> missing = new LinkedHashMap<>();
    config
        .files()
        .forEach((key, file) -> SourceFiles.missing(file).ifPresent(m -> missing.put(key, m)));
    return missing;
  }

  /** Number of rows. */
  long size();

  /**
   * The row at a position, 0-based.
   *
   * @throws BadExampleException when the row is not usable
   */
  Row row(long index);

  /** The position of a row when nothing is left out; also 0-based. */
  default long original(long index) {
    return index;
  }

  /** SHA-256 of the content, in hexadecimal; it changes when any row changes. */
  String fingerprint();

  @Override
  void close();
}
