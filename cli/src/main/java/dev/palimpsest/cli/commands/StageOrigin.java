package dev.palimpsest.cli.commands;

import dev.palimpsest.configs.HandOver;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;

/**
 * Where a stage begins to read: at 0 in its own order, or where its parent stops.
 *
 * @param order name of the order
 * @param position in it
 */
record StageOrigin(String order, long position) {
  /** The origin of a recipe's stage. */
  static StageOrigin of(PipelineConfig config, StageConfig stage) {
    if (stage.handOver().data() == HandOver.DataPosition.CONTINUE
        && stage.init() instanceof Init.FromStage from) {
      StageConfig parent =
          config.stages().stream()
              .filter(one -> one.name().equals(from.stage()))
              .findFirst()
              .orElseThrow();
      StageOrigin before = of(config, parent);
      return new StageOrigin(before.order, before.position + parent.examples());
    }
    return new StageOrigin(stage.name(), 0);
  }
}
