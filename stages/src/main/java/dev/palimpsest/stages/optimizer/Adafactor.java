package dev.palimpsest.stages.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.AdafactorConfig;
import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.kernels.AdafactorUpdate;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.kernels.SquaredNorms;
import dev.palimpsest.stages.state.TrainState;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Adafactor (big_vision optax.py, scale_by_adafactor; Shazeer and Stern 2018). For a matrix it
 * keeps the means of squared gradients by row and by column, for any other array the second moment
 * itself. Our attention matrices have all heads in one dimension, whereas big_vision factors each
 * head separately.
 */
final class Adafactor extends Optimizer {
  static final String MOMENTUM = "momentum";
  static final String ROWS = "second_by_row";
  static final String COLUMNS = "second_by_column";
  static final String WHOLE = "second";

  private final OptimizerConfig config;
  private final AdafactorConfig settings;

  Adafactor(
      OptimizerConfig config, AdafactorConfig settings, ParameterGroups groups, Kernels kernels) {
    super(config, groups, kernels, null);
    this.config = config;
    this.settings = settings;
  }

  static List<Moments> moments(
      OptimizerConfig config, AdafactorConfig settings, Map<String, Shape> trained) {
    Map<String, Shape> rows = new LinkedHashMap<>();
    Map<String, Shape> columns = new LinkedHashMap<>();
    Map<String, Shape> whole = new LinkedHashMap<>();
    trained.forEach(
        (name, shape) -> {
          if (isFactored(settings, shape)) {
            rows.put(name, new Shape(shape.get(0)));
            columns.put(name, new Shape(shape.get(1)));
          } else {
            whole.put(name, shape);
          }
        });
    List<Moments> moments = new ArrayList<>();
    if (config.beta1() > 0) {
      moments.add(new Moments(MOMENTUM, config.momentumType(), trained));
    }
    moments.add(new Moments(ROWS, Precision.F32, rows));
    moments.add(new Moments(COLUMNS, Precision.F32, columns));
    moments.add(new Moments(WHOLE, Precision.F32, whole));
    return moments;
  }

  private static boolean isFactored(AdafactorConfig settings, Shape shape) {
    return shape.dimension() == 2
        && Math.min(shape.get(0), shape.get(1)) >= settings.minFactoredSize();
  }

  @Override
  OneByOne oneByOne(TrainState state) {
    Map<String, SquaredNorms> done = new HashMap<>();
    return new OneByOne() {
      @Override
      public void update(String name, NDArray gradient, Update update) {
        done.put(name, changed(name, state, gradient, update));
      }

      @Override
      public SquaredNorms total(List<String> names) {
        return names.stream()
            .map(name -> Objects.requireNonNull(done.get(name), name))
            .reduce(SquaredNorms.ZERO, SquaredNorms::plus);
      }
    };
  }

  private SquaredNorms changed(String name, TrainState state, NDArray gradient, Update update) {
    double beta2 =
        Math.min(
            settings.beta2Cap(), 1 - Math.pow((double) update.number(), -settings.decayRate()));
    AdafactorUpdate how =
        new AdafactorUpdate(
            update.gradientScale(),
            config.beta1(),
            beta2,
            settings.clippingThreshold(),
            update.rate(),
            update.decay());
    boolean factored = isFactored(settings, gradient.getShape());
    List<String> kinds = new ArrayList<>(factored ? List.of(ROWS, COLUMNS) : List.of(WHOLE));
    if (config.beta1() > 0) {
      kinds.add(MOMENTUM);
    }
    try (Loans loans = new Loans(name, state, kinds)) {
      int second = factored ? 2 : 1;
      return kernels()
          .adafactor(
              loans.parameter(),
              gradient,
              loans.moments().subList(second, kinds.size()),
              loans.moments().subList(0, second),
              how);
    }
  }
}
