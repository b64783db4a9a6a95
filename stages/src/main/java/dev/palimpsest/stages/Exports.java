package dev.palimpsest.stages;

import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.configs.ExportConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.stages.exports.CheckpointExport;
import dev.palimpsest.stages.folder.RunFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Exports a stage's result in published formats. */
final class Exports {
  private static final Logger log = LoggerFactory.getLogger(Exports.class);

  private final RunFolder folder;
  private final StageConfig stage;
  private final Path tokenizerFile;

  Exports(RunFolder folder, StageConfig stage, Path tokenizerFile) {
    this.folder = folder;
    this.stage = stage;
    this.tokenizerFile = tokenizerFile;
  }

  /**
   * Writes the exports that the stage's settings ask for; intact existing ones are kept.
   *
   * @param checkpoint the stage's last checkpoint
   * @return the folders and files
   */
  List<Path> write(TrainingCheckpoint checkpoint) {
    List<Path> written = new ArrayList<>();
    for (ExportConfig.Format format : ExportConfig.Format.values()) {
      if (!stage.export().formats().contains(format)) {
        continue;
      }
      boolean huggingFace = format == ExportConfig.Format.HUGGINGFACE;
      Path target =
          folder.export(stage.name()).resolve(huggingFace ? "huggingface" : "big_vision.npz");
      CheckpointExport export =
          new CheckpointExport(checkpoint, tokenizerFile, format, stage.export().precision());
      written.add(target);
      if (export.stands(target)) {
        log.info("{}: {} is unchanged since it was exported", stage.name(), target);
        continue;
      }
      log.debug("{}: exporting {}", stage.name(), format);
      export.write(target, false);
      log.info("{}: exported {}", stage.name(), target);
    }
    return written;
  }
}
