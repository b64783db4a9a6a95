package dev.palimpsest.mixtures.sources;

import dev.palimpsest.configs.data.SourceConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Opens Parquet files through their imported form. */
final class ParquetSource {
  private ParquetSource() {}

  static ExampleSource open(Path file, SourceConfig.Parquet config) {
    List<String> columns = new ArrayList<>(config.columns());
    if (!columns.isEmpty()) {
      config.pictures().stream().filter(c -> !config.columns().contains(c)).forEach(columns::add);
    }
    Path own = SourceFiles.folder(null, file);
    Path cache = config.cache() == null ? own.resolve(".palimpsest") : Path.of(config.cache());
    String fingerprint = ParquetImport.fingerprint(file);
    return ArrowSource.open(
        file,
        ParquetImport.imported(file, fingerprint, columns, cache),
        columns,
        config.pictures(),
        SourceFiles.folder(config.images(), file),
        () -> fingerprint);
  }
}
