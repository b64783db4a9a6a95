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
import java.util.HashMap;
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

  private AdamUpdate how(Update update) {
    return new AdamUpdate(
        update.gradientScale(),
        config.beta1(),
        config.beta2(),
        config.epsilon(),
        update.number(),
        update.rate(),
        update.decay());
  }

  @Override
  SquaredNorms update(List<String> names, TrainState state, Parameters gradients, Update update) {
    if (shards != null) {
      return update(shards, names, state, gradients, how(update));
    }
    if (state.isStreamed()) {
      return super.update(names, state, gradients, update);
    }
    return kernels()
        .adam(
            arrays(names, state.parameters()),
            arrays(names, gradients),
            arrays(names, state.moments(FIRST)),
            arrays(names, state.moments(SECOND)),
            how(update));
  }

  @Override
  OneByOne oneByOne(TrainState state) {
    return new InPieces(state);
  }

  /** Keeps the sums of pieces, which are added up as those of all parameters together are. */
  private final class InPieces implements OneByOne {
    private final TrainState state;
    private final Map<String, float[]> updates = new HashMap<>();
    private final Map<String, float[]> norms = new HashMap<>();

    InPieces(TrainState state) {
      this.state = state;
    }

    @Override
    public void update(String name, NDArray gradient, Update update) {
      try (NDManager scope = kernels().newManager();
          Loans loans = new Loans(name, state, List.of(FIRST, SECOND))) {
        List<float[]> sums =
            kernels()
                .adamSums(
                    scope,
                    List.of(loans.parameter()),
                    List.of(gradient),
                    List.of(loans.moments().get(0)),
                    List.of(loans.moments().get(1)),
                    how(update));
        updates.put(name, sums.get(0));
        norms.put(name, sums.get(1));
      }
    }

    @Override
    public SquaredNorms total(List<String> names) {
      try (NDManager scope = kernels().newManager()) {
        return new SquaredNorms(total(scope, names, updates), total(scope, names, norms));
      }
    }

    private double total(NDManager scope, List<String> names, Map<String, float[]> sums) {
      return kernels().totalOf(scope, names.stream().map(sums::get).toList());
    }
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
