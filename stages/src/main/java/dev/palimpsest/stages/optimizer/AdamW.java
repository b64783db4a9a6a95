package dev.palimpsest.stages.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.AdamUpdate;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.kernels.SquaredNorms;
import dev.palimpsest.stages.state.TrainState;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Adam with bias correction (optax scale_by_adam). */
final class AdamW extends Optimizer {
  static final String FIRST = "mu";
  static final String SECOND = "nu";

  private final OptimizerConfig config;
  private final @Nullable Shards shards;

  AdamW(OptimizerConfig config, ParameterGroups groups, Kernels kernels, @Nullable Shards shards) {
    super(config, groups, kernels, shards);
    this.config = config;
    this.shards = shards;
  }

  static List<Moments> moments(Precision momentum, Map<String, Shape> trained) {
    return List.of(
        new Moments(FIRST, momentum, trained), new Moments(SECOND, Precision.F32, trained));
  }

  @Override
  SquaredNorms update(List<String> names, TrainState state, Parameters gradients, Update update) {
    AdamUpdate how =
        new AdamUpdate(
            update.gradientScale(),
            config.beta1(),
            config.beta2(),
            config.epsilon(),
            update.number(),
            update.rate(),
            update.decay());
    if (shards != null) {
      return update(shards, names, state, gradients, how);
    }
    if (state.isStreamed()) {
      return oneByOne(names, state, gradients, how);
    }
    return kernels()
        .adam(
            arrays(names, state.parameters()),
            arrays(names, gradients),
            arrays(names, state.moments(FIRST)),
            arrays(names, state.moments(SECOND)),
            how);
  }

  /** The same for arrays that come to memory one after the other. */
  private SquaredNorms oneByOne(
      List<String> names, TrainState state, Parameters gradients, AdamUpdate how) {
    List<float[]> updates = new ArrayList<>();
    List<float[]> norms = new ArrayList<>();
    try (NDManager scope = kernels().newManager()) {
      for (String name : names) {
        try (Loans loans = new Loans(name, state, List.of(FIRST, SECOND))) {
          List<float[]> sums =
              kernels()
                  .adamSums(
                      scope,
                      List.of(loans.parameter()),
                      List.of(gradients.get(name)),
                      List.of(loans.moments().get(0)),
                      List.of(loans.moments().get(1)),
                      how);
          updates.add(sums.get(0));
          norms.add(sums.get(1));
        }
      }
      return new SquaredNorms(
          kernels().totalOf(scope, joined(updates)), kernels().totalOf(scope, joined(norms)));
    }
  }

  private static float[] joined(List<float[]> parts) {
    float[] all = new float[parts.stream().mapToInt(part -> part.length).sum()];
    int at = 0;
    for (float[] part : parts) {
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    return all;
  }

  /** Updates this rank's parts. */
  private SquaredNorms update(
      Shards parts, List<String> names, TrainState state, Parameters gradients, AdamUpdate how) {
    try (NDManager scope = kernels().newManager()) {
      List<float[]> mine =
          kernels()
              .adamSums(
                  scope,
                  parts.own(scope, names, state.parameters()),
                  parts.own(scope, names, gradients),
                  parts.own(scope, names, state.moments(FIRST)),
                  parts.own(scope, names, state.moments(SECOND)),
                  how);
      List<float[]> all = parts.inOrder(names, mine);
      return new SquaredNorms(
          kernels().totalOf(scope, all.get(0)), kernels().totalOf(scope, all.get(1)));
    }
  }

  private static List<NDArray> arrays(List<String> names, Parameters parameters) {
    return names.stream().map(parameters::get).toList();
  }
}
