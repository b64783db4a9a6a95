package dev.palimpsest.stages;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.PrepareConfig;
import dev.palimpsest.mixtures.playground.Playground;

/** What a recipe asks to be made before its stages: drawn data, and towers with the mask codec. */
public final class Preparation {
  private Preparation() {}

  /**
   * Makes what does not stand yet.
   *
   * @param manager arrays made on the way live in children of it and are gone on return
   */
  public static void make(NDManager manager, PipelineConfig recipe) {
    PrepareConfig prepare = recipe.prepare();
    if (prepare == null) {
      return;
    }
    if (prepare.playground() != null) {
      Playground.write(prepare.playground());
    }
    if (prepare.towers() != null) {
      Towers.write(manager, prepare.towers(), recipe);
    }
  }
}
