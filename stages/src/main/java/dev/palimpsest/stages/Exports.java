package dev.palimpsest.stages;

import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.published.ExportedProcessor;
import dev.palimpsest.checkpoints.published.ModelExporter;
import dev.palimpsest.configs.ExportConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.mixtures.text.HuggingFaceTokenizer;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.lineage.Lineage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes a stage's result in the formats of others. */
final class Exports {
  private static final Logger log = LoggerFactory.getLogger(Exports.class);

  private final RunFolder folder;
  private final StageConfig stage;
  private final ModelConfig config;
  private final Path tokenizerFile;

  Exports(RunFolder folder, StageConfig stage, ModelConfig config, Path tokenizerFile) {
    this.folder = folder;
    this.stage = stage;
    this.config = config;
    this.tokenizerFile = tokenizerFile;
  }

  /**
   * Writes what the stage's settings ask for; what stands there whole stays.
   *
   * @param checkpoint where the parameters were saved
   * @return the folders and files
   */
  List<Path> write(Parameters parameters, Path checkpoint) {
    Optional<Lineage> lineage =
        Lineage.ifAny(checkpoint, CheckpointStore.peek(checkpoint).manifest());
    List<Path> written = new ArrayList<>();
    for (ExportConfig.Format format : ExportConfig.Format.values()) {
      if (!stage.export().formats().contains(format)) {
        continue;
      }
      boolean huggingFace = format == ExportConfig.Format.HUGGINGFACE;
      Path target =
          folder.export(stage.name()).resolve(huggingFace ? "huggingface" : "big_vision.npz");
      String name =
          "%s %s".formatted(ConfigYaml.word(format), ConfigYaml.word(stage.export().precision()));
      written.add(target);
      if (lineage.filter(l -> l.isWholeExport(target, name)).isPresent()) {
        log.info("{}: {} stands as it was exported", stage.name(), target);
        continue;
      }
      log.debug("{}: exporting {}", stage.name(), format);
      if (huggingFace) {
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.of(tokenizerFile);
        ModelExporter.huggingFace(
            target,
            parameters,
            config,
            stage.resolution(),
            stage.export().precision(),
            new ExportedProcessor(
                stage.image().resize(), tokenizer.imageToken(), tokenizer.files()));
      } else {
        ModelExporter.bigVision(
            target, parameters, config, stage.resolution(), stage.export().precision());
      }
      lineage.ifPresent(l -> l.writeBeside(target, name));
      log.info("{}: exported {}", stage.name(), target);
    }
    return written;
  }
}
