package dev.palimpsest.stages.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.AdamUpdate;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.kernels.SquaredNorms;
import dev.palimpsest.stages.state.TrainState;
import java.util.List;
import java.util.Map;

/** Adam with bias correction (optax scale_by_adam). */
final class AdamW extends Optimizer {
  static final String FIRST = "mu";
  static final String SECOND = "nu";

  private final OptimizerConfig config;

  AdamW(OptimizerConfig config, ParameterGroups groups, Kernels kernels) {
    super(config, groups, kernels);
    this.config = config;
  }

  static List<Moments> moments(Precision momentum, Map<String, Shape> trained) {
    return List.of(
        new Moments(FIRST, momentum, trained), new Moments(SECOND, Precision.F32, trained));
  }

  @Override
  SquaredNorms update(List<String> names, TrainState state, Parameters gradients, Update update) {
    return kernels()
        .adam(
            arrays(names, state.parameters()),
            arrays(names, gradients),
            arrays(names, state.moments(FIRST)),
            arrays(names, state.moments(SECOND)),
            new AdamUpdate(
                update.gradientScale(),
                config.beta1(),
                config.beta2(),
                config.epsilon(),
                update.number(),
                update.rate(),
                update.decay()));
  }

  private static List<NDArray> arrays(List<String> names, Parameters parameters) {
    return names.stream().map(parameters::get).toList();
  }
}
