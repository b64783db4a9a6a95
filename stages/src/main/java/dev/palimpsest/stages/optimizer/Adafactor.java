package dev.palimpsest.stages.optimizer;

import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.AdafactorConfig;
import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.AdafactorUpdate;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.kernels.SquaredNorms;
import dev.palimpsest.stages.state.TrainState;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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
  SquaredNorms update(List<String> names, TrainState state, Parameters gradients, Update update) {
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
    SquaredNorms sum = SquaredNorms.ZERO;
    for (String name : names) {
      boolean factored = isFactored(settings, gradients.get(name).getShape());
      List<String> kinds = new ArrayList<>(factored ? List.of(ROWS, COLUMNS) : List.of(WHOLE));
      if (config.beta1() > 0) {
        kinds.add(MOMENTUM);
      }
      try (Loans loans = new Loans(name, state, kinds)) {
        int second = factored ? 2 : 1;
        sum =
            sum.plus(
                kernels()
                    .adafactor(
                        loans.parameter(),
                        gradients.get(name),
                        loans.moments().subList(second, kinds.size()),
                        loans.moments().subList(0, second),
                        how));
      }
    }
    return sum;
  }
}
