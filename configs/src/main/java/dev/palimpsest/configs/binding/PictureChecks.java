package dev.palimpsest.configs.binding;

import dev.palimpsest.configs.HandOver;

/** Checks whether pictures divide into windows and patches, and whether positions fit them. */
final class PictureChecks {
  private final Binder bound;

  PictureChecks(Binder bound) {
    this.bound = bound;
  }

  /** Checks that a stage's pictures divide into whole windows and patches. */
  void resolution(String stage) {
    int patch = patchSize();
    int resolution = resolutionOf(stage);
    int window = window(stage);
    if (!inWholeWindows(stage)) {
      bound.problem(
          stage + ".imageWindow",
          "must be a multiple of the patch size %d, got %d".formatted(patch, window));
    } else if (window > 0 && resolution > window && resolution % window != 0) {
      bound.problem(
          stage + ".resolution",
          "must be a multiple of imageWindow %d, got %d".formatted(window, resolution));
    }
    if (patch <= 0 || resolution <= 0 || resolution % patch == 0) {
      return;
    }
    int below = resolution / patch * patch;
    bound.problem(
        stage + ".resolution",
        "must be a multiple of the patch size "
            + patch
            + ", got "
            + resolution
            + (below == 0
                ? "; the nearest is " + patch
                : "; the nearest are " + below + " and " + (below + patch)));
  }

  /** Whether a stage's windows are of whole patches. */
  boolean inWholeWindows(String stage) {
    int patch = patchSize();
    return patch <= 0 || window(stage) % patch == 0;
  }

  /** Checks that positions are only kept where there are equally many. */
  void positions(String stage, String parent, String parentName) {
    int before = encodedSide(parent);
    int after = encodedSide(stage);
    boolean keep =
        bound
            .value(stage + ".handOver.positionEmbedding", HandOver.PositionEmbedding.class)
            .filter(HandOver.PositionEmbedding.KEEP::equals)
            .isPresent();
    if (keep && before > 0 && after > 0 && before != after) {
      bound.problem(
          stage + ".handOver.positionEmbedding",
          "is 'keep', but the resolution changes from "
              + before
              + " ("
              + parentName
              + ") to "
              + after
              + "; write 'resample' or keep the resolution");
    }
  }

  private int patchSize() {
    return bound.value("model.vision.patchSize", Integer.class).orElse(0);
  }

  private int resolutionOf(String stage) {
    return bound.value(stage + ".resolution", Integer.class).orElse(0);
  }

  /** Side of the windows in which a stage encodes pictures; 0 if whole. */
  private int window(String stage) {
    return bound
        .value(stage + ".imageWindow", Integer.class)
        .or(() -> bound.value("model.vision.imageWindow", Integer.class))
        .orElse(0);
  }

  /** Side of what a stage's image tower encodes at a time. */
  private int encodedSide(String stage) {
    int window = window(stage);
    return window == 0 ? resolutionOf(stage) : Math.min(window, resolutionOf(stage));
  }
}
