package dev.palimpsest.mixtures.sources;

import dev.palimpsest.configs.data.SourceConfig;
import java.nio.file.Path;
import java.util.List;

/**
 * A file that is imported before its rows can be visited in any order. Whoever opens its source
 * does so, one file after another; several processes can do it ahead, each for some of the files.
 *
 * @param file as its writer made it
 * @param source that names it
 */
public record SourceImport(Path file, SourceConfig.Parquet source) {
  /**
   * The files of a source that are imported, those of Parquet, in the order of their names.
   *
   * @throws java.io.UncheckedIOException when files of the source are missing
   */
  public static List<SourceImport> of(SourceConfig source) {
    return source instanceof SourceConfig.Parquet parquet
        ? SourceFiles.matching(parquet.path()).stream()
            .map(file -> new SourceImport(file, parquet))
            .toList()
        : List.of();
  }

  /**
   * Imports it, unless that was done before.
   *
   * @return the imported file
   * @throws java.io.UncheckedIOException when the file cannot be read, or the other one not written
   * @throws MalformedFileException when it is not a Parquet file
   */
  public Path run() {
    SourceFiles.requireFetched(file);
    return ParquetSource.imported(file, ParquetImport.fingerprint(file), source);
  }
}
