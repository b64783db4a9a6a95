package dev.palimpsest.stages.optimizer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.FloatArrays;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.kernels.SquaredNorms;
import dev.palimpsest.stages.state.Storage;
import dev.palimpsest.stages.state.TrainState;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * big_vision's optimizer chain (optax.py, make): clip by global norm, Adam or Adafactor, times
 * learning rate, plus decay, times schedule, subtract. Decay is not multiplied by the learning
 * rate. The optimizer's moments are in {@link TrainState}.
 */
public abstract sealed class Optimizer permits AdamW, Adafactor {
  private final OptimizerConfig config;
  private final ParameterGroups groups;
  private final Kernels kernels;
  private final @Nullable Shards shards;

  Optimizer(
      OptimizerConfig config, ParameterGroups groups, Kernels kernels, @Nullable Shards shards) {
    this.config = config;
    this.groups = groups;
    this.kernels = kernels;
    this.shards = shards;
  }

  /** The optimizer of a stage. */
  public static Optimizer of(OptimizerConfig config, ParameterGroups groups, Kernels kernels) {
    return of(config, groups, kernels, null);
  }

  /**
   * The optimizer of a stage.
   *
   * @param shards of the trained parameters, of which this rank keeps moments and which it updates;
   *     null: of all. Only for Adam
   */
  public static Optimizer of(
      OptimizerConfig config, ParameterGroups groups, Kernels kernels, @Nullable Shards shards) {
    return config.adafactor() == null
        ? new AdamW(config, groups, kernels, shards)
        : new Adafactor(config, config.adafactor(), groups, kernels);
  }

  /** Which parameters are trained, and how. */
  public final ParameterGroups groups() {
    return groups;
  }

  /** Names of the moments that a stage's optimizer keeps. */
  public static Set<String> kinds(OptimizerConfig config) {
    return moments(config, Map.of()).stream().map(Moments::name).collect(Collectors.toSet());
  }

  /**
   * One kind of moments.
   *
   * @param name in {@link TrainState} and in checkpoints
   * @param type number format in which they are kept
   * @param shapes by the name of the parameter
   */
  record Moments(String name, Precision type, Map<String, Shape> shapes) {}

  /**
   * The moments that the optimizer of a stage keeps.
   *
   * @param trained shapes of the trained parameters
   */
  private static List<Moments> moments(OptimizerConfig config, Map<String, Shape> trained) {
    return config.adafactor() == null
        ? AdamW.moments(config.momentumType(), trained)
        : Adafactor.moments(config, config.adafactor(), trained);
  }

  /**
   * The numbers that all updates of a group share.
   *
   * @param gradientScale factor that clips gradients
   * @param number of this update, from 1
   * @param rate learning rate times schedule
   * @param decay weight decay times schedule; 0 for parameters that do not decay
   */
  record Update(double gradientScale, long number, double rate, double decay) {}

  /** Updates parameters with the same numbers, and their moments, in place. */
  SquaredNorms update(List<String> names, TrainState state, Parameters gradients, Update update) {
    OneByOne each = oneByOne(state);
    names.forEach(name -> each.update(name, gradients.get(name), update));
    return each.total(names);
  }

  /** Parameters that are updated one after the other, in any order. */
  interface OneByOne {
    /** Updates a parameter and its moments in place. */
    void update(String name, NDArray gradient, Update update);

    /** The norms of parameters that have been updated; in the order of the names. */
    SquaredNorms total(List<String> names);
  }

  /** An update of a state's parameters one after the other. */
  abstract OneByOne oneByOne(TrainState state);

  final Kernels kernels() {
    return kernels;
  }

  /** The division of what is trained; null: there is none. */
  public final @Nullable Shards shards() {
    return shards;
  }

  /**
   * L2 norm over all gradients.
   *
   * @param gradients summed over the ranks: all of them, or this rank's parts
   */
  public final double gradientNorm(Parameters gradients) {
    if (shards != null) {
      List<String> names = new ArrayList<>(gradients.names());
      try (NDManager scope = kernels.newManager()) {
        List<NDArray> own = shards.own(scope, names, gradients);
        float[] sums = shards.inOrder(names, List.of(kernels.squaredSums(scope, own))).get(0);
        return Math.sqrt(kernels.totalOf(scope, sums));
      }
    }
    return kernels.l2Norm(new ArrayList<>(gradients.asMap().values()));
  }

  /**
   * L2 norms of gradients, before clipping.
   *
   * @param total over all of them
   * @param byGroup by the pattern of the group, without frozen groups
   */
  public record GradientNorms(double total, Map<String, Double> byGroup) {}

  /** The same norm, and that of each group unless the state is divided among ranks. */
  public final GradientNorms gradientNorms(Parameters gradients) {
    if (gradients.names().isEmpty()) {
      return new GradientNorms(0, Map.of());
    }
    if (shards != null) { // each rank has its own part of each array alone
      return new GradientNorms(gradientNorm(gradients), Map.of());
    }
    double[] squares = kernels.squaredNorms(new ArrayList<>(gradients.asMap().values()));
    Map<String, Double> each = new LinkedHashMap<>();
    int i = 1;
    for (String name : gradients.names()) {
      each.put(name, squares[i++]);
    }
    return gradientNorms(squares[0], each);
  }

  /** The sums of squares of a gradient's pieces, of which {@link #gradientNorms(Map)} are made. */
  public final float[] squares(NDArray gradient) {
    try (NDManager scope = kernels.newManager()) {
      return kernels.squaredSums(scope, List.of(gradient));
    }
  }

  /**
   * The same norms of gradients that were not there at the same time.
   *
   * @param squares of each by its name, in the order of the parameters
   */
  public final GradientNorms gradientNorms(Map<String, float[]> squares) {
    try (NDManager scope = kernels.newManager()) {
      Map<String, Double> each = new LinkedHashMap<>();
      squares.forEach((name, sums) -> each.put(name, kernels.totalOf(scope, sums)));
      return gradientNorms(kernels.totalOf(scope, List.copyOf(squares.values())), each);
    }
  }

  private GradientNorms gradientNorms(double all, Map<String, Double> each) {
    Map<String, Double> sums = new LinkedHashMap<>();
    each.forEach((name, square) -> sums.merge(groups.group(name), square, Double::sum));
    sums.replaceAll((pattern, sum) -> Math.sqrt(sum));
    return new GradientNorms(Math.sqrt(all), sums);
  }

  /**
   * Updates the trained parameters and their moments in place.
   *
   * @param gradients of the trained parameters, by name
   * @param gradientNorm their global norm
   */
  public final Norms update(TrainState state, Parameters gradients, double gradientNorm) {
    SquaredNorms sum = SquaredNorms.ZERO;
    for (Alike alike : alike(state, gradientNorm)) {
      sum = sum.plus(update(alike.names(), state, gradients, alike.update()));
    }
    if (shards != null && !shards.divideParameters()) {
      for (String name : groups.trained()) {
        shards.ranks().within().allGather(state.parameters().get(name), shards.parts(name));
      }
    }
    return norms(sum);
  }

  /**
   * Begins an update of the trained parameters and their moments, in place, of which each is made
   * as soon as its gradient is known. The state must not be divided among ranks.
   *
   * @param gradientNorm the global norm of all gradients
   */
  public final InTurn inTurn(TrainState state, double gradientNorm) {
    return new InTurn(oneByOne(state), alike(state, gradientNorm));
  }

  /** An update whose gradients come one after the other; equal to one that has them all. */
  public static final class InTurn {
    private final OneByOne each;
    private final List<Alike> alike;
    private final Map<String, Update> updates = new HashMap<>();

    private InTurn(OneByOne each, List<Alike> alike) {
      this.each = each;
      this.alike = alike;
      alike.forEach(part -> part.names().forEach(name -> updates.put(name, part.update())));
    }

    /** Updates a parameter and its moments. */
    public void update(String name, NDArray gradient) {
      each.update(name, gradient, Objects.requireNonNull(updates.get(name), name));
    }

    /** The norms of the update, when it is complete. */
    public Norms norms() {
      return Optimizer.norms(
          alike.stream()
              .map(part -> each.total(part.names()))
              .reduce(SquaredNorms.ZERO, SquaredNorms::plus));
    }
  }

  private static Norms norms(SquaredNorms squares) {
    return new Norms(Math.sqrt(squares.updates()), Math.sqrt(squares.parameters()));
  }

  /** Parameters that are updated with the same numbers. */
  private record Alike(List<String> names, Update update) {}

  private List<Alike> alike(TrainState state, double gradientNorm) {
    double clip =
        config.clipNorm() > 0 && gradientNorm >= config.clipNorm()
            ? config.clipNorm() / gradientNorm
            : 1;
    List<Alike> alike = new ArrayList<>();
    for (ParameterGroups.Group group : groups.groups()) {
      if (group.frozen()) {
        continue;
      }
      double factor = group.schedule().factor(state.scheduleExamples());
      for (boolean decays : new boolean[] {true, false}) {
        List<String> names =
            group.members().stream()
                .filter(member -> member.decays() == decays)
                .map(ParameterGroups.Member::name)
                .toList();
        if (!names.isEmpty()) {
          Update update =
              new Update(
                  clip,
                  state.updates() + 1,
                  group.learningRate() * factor,
                  decays ? config.weightDecay() * factor : 0);
          alike.add(new Alike(names, update));
        }
      }
    }
    return alike;
  }

  /**
   * The state with arrays of its own that {@link #update} can change: parameters and moments are
   * copied to where they are to be kept, and missing moments are zero. The arrays of {@code start}
   * are closed.
   *
   * @param manager the new arrays belong to children of it
   */
  public final TrainState prepared(NDManager manager, TrainState start, Storage storage) {
    Map<String, Shape> shapes = start.parameters().shapes();
    Shards inParts = shards != null && shards.divideParameters() ? shards : null;
    Parameters parameters =
        storage.zeros(
            manager,
            Storage.Use.PARAMETERS,
            inParts == null ? shapes : inParts.shapes(shapes),
            Precision.F32);
    if (inParts == null) {
      copy(start.parameters(), parameters);
    } else {
      inParts.divide(start.parameters(), parameters);
    }
    Map<String, Shape> trained = new LinkedHashMap<>();
    groups.trained().forEach(name -> trained.put(name, shapes.get(name)));
    Map<String, Parameters> moments = new LinkedHashMap<>();
    for (Moments kind : moments(config, trained)) {
      Parameters before = start.moments().get(kind.name());
      Parameters own =
          storage.zeros(
              manager,
              Storage.Use.MOMENTS,
              shards == null ? kind.shapes() : shards.shapes(kind.shapes()),
              kind.type());
      if (shards != null) {
        shards.divide(before, own);
      } else if (before != null) {
        copy(before, own);
      }
      moments.put(kind.name(), own);
    }
    start.parameters().close();
    start.moments().values().forEach(Parameters::close);
    return start.with(parameters, moments);
  }

  /**
   * A state with all parameters on every rank, for passes in which ranks do not keep step with one
   * another. Every rank calls this.
   *
   * @param manager gathered parameters belong to a child of it
   */
  public final TrainState withWholeParameters(NDManager manager, TrainState state) {
    Shards division = shards;
    if (division == null || !division.divideParameters()) {
      return state;
    }
    NDManager scope = manager.newSubManager();
    Map<String, NDArray> whole = new LinkedHashMap<>();
    state
        .parameters()
        .asMap()
        .forEach((name, part) -> whole.put(name, division.gathered(scope, name, part)));
    return state.with(new Parameters(scope, whole), state.moments());
  }

  private static void copy(Parameters from, Parameters to) {
    for (String name : to.names()) {
      if (from.contains(name) && from.get(name).getShape().equals(to.get(name).getShape())) {
        FloatArrays.assign(to.get(name), from.get(name));
      }
    }
  }

  /** Effective learning rate by group. */
  public final Map<String, Double> learningRates(long scheduleExamples) {
    Map<String, Double> rates = new LinkedHashMap<>();
    for (ParameterGroups.Group group : groups.groups()) {
      rates.put(
          group.name(),
          group.frozen() ? 0 : group.learningRate() * group.schedule().factor(scheduleExamples));
    }
    return rates;
  }

  /**
   * Norms of a step.
   *
   * @param update L2 of what was subtracted
   * @param parameters L2 of the trained parameters afterwards
   */
  public record Norms(double update, double parameters) {}
}
