package dev.palimpsest.mixtures.sources;

import dev.palimpsest.configs.data.SourceConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Opens Parquet files through their imported form. */
final class ParquetSource {
  private ParquetSource() {}

  static ExampleSource open(Path file, SourceConfig.Parquet config) {
    String fingerprint = ParquetImport.fingerprint(file);
    return ArrowSource.open(
        file,
        imported(file, fingerprint, config),
        columns(config),
        config.pictures(),
        SourceFiles.folder(config.images(), file),
        () -> fingerprint);
  }

  /** The Arrow file with a Parquet file's rows, which is written if it does not exist. */
  static Path imported(Path file, String fingerprint, SourceConfig.Parquet config) {
    Path own = SourceFiles.folder(null, file);
    Path cache = config.cache() == null ? own.resolve(".palimpsest") : Path.of(config.cache());
    return ParquetImport.imported(file, fingerprint, columns(config), cache);
  }

  private static List<String> columns(SourceConfig.Parquet config) {
    List<String> columns = new ArrayList<>(config.columns());
    if (!columns.isEmpty()) {
      config.pictures().stream().filter(c -> !config.columns().contains(c)).forEach(columns::add);
    }
    return columns;
  }
}
