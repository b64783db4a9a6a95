package dev.palimpsest.stages.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.SharedSave;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.RanksConfig;
import dev.palimpsest.configs.RanksConfig.ReductionOrder;
import dev.palimpsest.configs.RanksConfig.Sharding;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.mixtures.Mixture.Skipped;
import dev.palimpsest.mixtures.Share;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.FloatArrays;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.model.ranks.RankGrid;
import dev.palimpsest.stages.optimizer.Shards;
import dev.palimpsest.stages.state.TrainState;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * The division of a step among ranks. In round j of a step, they take the micro batches from j x
 * ranks on. A step's examples, their order and its micro batches do not depend on the number of
 * ranks.
 *
 * @param grid this process and the others, and the groups within which state is divided
 * @param sharding what is divided among them
 * @param order in which gradients are added up
 */
public record DataParallel(RankGrid grid, Sharding sharding, ReductionOrder order) {
  /** How long a rank waits for the others' parts of a checkpoint. */
  private static final Duration PATIENCE = Duration.ofMinutes(30);

  /** A process by itself that adds up gradients as they come. */
  public static final DataParallel NONE =
      new DataParallel(
          RankGrid.of(Collectives.alone(), 0, false), Sharding.NONE, ReductionOrder.FASTEST);

  /**
   * The ranks of a recipe's run; every rank calls this.
   *
   * @throws InvalidConfigException when they cannot be divided into the recipe's groups, or cannot
   *     add up in its order
   */
  public static DataParallel of(Collectives ranks, PipelineConfig recipe) {
    List<Problem> problems = Divisible.problems(recipe.ranks(), ranks.size());
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
    RanksConfig config = recipe.ranks();
    return new DataParallel(
        RankGrid.of(
            ranks,
            ranks.isAlone() ? 0 : config.shardWithin(),
            config.reductionOrder() == ReductionOrder.FIXED),
        config.sharding(),
        config.reductionOrder());
  }

  /** This process and all others. */
  public Collectives ranks() {
    return grid.all();
  }

  /**
   * Checks that a stage's steps can be divided.
   *
   * @throws InvalidConfigException when they cannot
   */
  public void require(StageConfig stage) {
    List<Problem> problems = Divisible.problems(stage, sharding, ranks().size());
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
  }

  private boolean isSharded() {
    return sharding != Sharding.NONE && !ranks().isAlone();
  }

  /** Whether a rank keeps only its part of the gradients. */
  boolean dividesGradients() {
    return isSharded() && sharding != Sharding.OPTIMIZER;
  }

  /** Whether a rank keeps only its part of the parameters. */
  boolean dividesParameters() {
    return isSharded() && sharding == Sharding.PARAMETERS;
  }

  /**
   * The division of a stage's parameters.
   *
   * @param all their shapes
   * @param trained names of those that are trained, of which alone gradients and moments exist
   * @param piece elements that stay together
   * @return null if nothing is divided
   */
  public @Nullable Shards shards(Map<String, Shape> all, Set<String> trained, long piece) {
    if (!isSharded()) {
      return null;
    }
    Map<String, Shape> divided = new LinkedHashMap<>(all);
    if (!dividesParameters()) {
      divided.keySet().retainAll(trained);
    }
    return new Shards(grid, divided, piece, dividesParameters());
  }

  /**
   * How ranks save a state that is divided; every rank calls this.
   *
   * @return null if nothing is divided
   */
  public @Nullable Division division(@Nullable Shards shards) {
    if (shards == null) {
      return null;
    }
    byte[] token = UUID.randomUUID().toString().getBytes(StandardCharsets.UTF_8);
    String agreed = new String(ranks().broadcast(token, 0), StandardCharsets.UTF_8);
    Collectives group = grid.within();
    return new Division(
        shards,
        ranks().rank() < group.size()
            ? new SharedSave(group.rank(), group.size(), agreed, PATIENCE)
            : null);
  }

  /**
   * The micro batches that this rank reads. Where ranks exchange gradients in every round, each
   * waits for the slowest of the round anyway, and the fixed order adds in the order of ranks;
   * otherwise what counts is how much a rank has to do in the step.
   */
  public Share share() {
    boolean meetsInEveryRound = order == ReductionOrder.FIXED || dividesGradients();
    return new Share(ranks().rank(), ranks().size(), !meetsInEveryRound);
  }

  /**
   * How often ranks exchange all gradients in a step for the sake of the fixed order; 0 if they do
   * not add up in it, or exchange them for every micro batch in any order.
   */
  public int exchangesInOrder(StageConfig stage) {
    return order == ReductionOrder.FIXED && !ranks().isAlone() && !dividesGradients()
        ? rounds(stage)
        : 0;
  }

  /** How many micro batches of a step are this rank's. */
  int rounds(StageConfig stage) {
    return stage.batchSize() / stage.microBatchSize() / ranks().size();
  }

  /** The form in which ranks send one another what they have found in a micro batch. */
  interface Written<T> {
    void write(T value, DataOutputStream out) throws IOException;

    T read(DataInputStream in) throws IOException;
  }

  /**
   * What every rank has found in its micro batches, in the order of micro batches.
   *
   * @param mine by round
   * @param index where a micro batch begins, as in {@link MicroBatch#index}
   */
  <T> List<T> inOrder(List<T> mine, ToLongFunction<T> index, Written<T> form) {
    if (ranks().isAlone()) {
      return mine;
    }
    try {
      ByteArrayOutputStream written = new ByteArrayOutputStream();
      try (DataOutputStream out = new DataOutputStream(written)) {
        for (T value : mine) {
          form.write(value, out);
        }
      }
      List<DataInputStream> all =
          ranks().gather(written.toByteArray()).stream()
              .map(bytes -> new DataInputStream(new ByteArrayInputStream(bytes)))
              .toList();
      List<T> ordered = new ArrayList<>();
      for (int round = 0; round < mine.size(); round++) {
        for (DataInputStream in : all) {
          ordered.add(form.read(in));
        }
      }
      ordered.sort(Comparator.comparingLong(index));
      return ordered;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The bad examples that were skipped for a micro batch.
   *
   * @param index where it begins
   */
  public record Skips(long index, List<Skipped> skipped) {}

  /** The bad examples that all ranks skipped in a step, in the order in which one would. */
  public List<Skipped> skipped(List<Skips> mine) {
    boolean any = ranks().any(mine.stream().anyMatch(skips -> !skips.skipped().isEmpty()));
    return any
        ? inOrder(mine, Skips::index, new WrittenSkips()).stream()
            .flatMap(skips -> skips.skipped().stream())
            .toList()
        : List.of();
  }

  private static final class WrittenSkips implements Written<Skips> {
    @Override
    public void write(Skips skips, DataOutputStream out) throws IOException {
      out.writeLong(skips.index());
      out.writeInt(skips.skipped().size());
      for (Skipped skip : skips.skipped()) {
        out.writeLong(skip.position());
        out.writeInt(skip.attempt());
        out.writeUTF(skip.task());
        out.writeLong(skip.row());
        out.writeUTF(skip.reason());
      }
    }

    @Override
    public Skips read(DataInputStream in) throws IOException {
      long index = in.readLong();
      List<Skipped> skips = new ArrayList<>();
      for (int n = in.readInt(); n > 0; n--) {
        skips.add(
            new Skipped(in.readLong(), in.readInt(), in.readUTF(), in.readLong(), in.readUTF()));
      }
      return new Skips(index, skips);
    }
  }

  /** Gives every rank the first one's arrays. */
  public void distribute(TrainState state) {
    if (ranks().isAlone() || dividesParameters()) {
      return; // parts were handed out when the state was prepared
    }
    distribute(state.parameters());
    if (isSharded()) {
      return; // moments were
    }
    state.moments().values().forEach(this::distribute);
  }

  /** Gives every rank the first one's arrays, which may be laid out in memory in any way. */
  public void distribute(Parameters arrays) {
    if (ranks().isAlone()) {
      return;
    }
    for (NDArray array : arrays.asMap().values()) {
      try (NDArray sent =
          FloatArrays.zeros(array.getManager(), array.getShape(), FloatArrays.type(array))) {
        FloatArrays.assign(sent, array);
        ranks().broadcast(sent, 0);
        if (!ranks().isFirst()) {
          FloatArrays.assign(array, sent);
        }
      }
    }
  }

  /** Does on the first rank what is done once, while the others wait. */
  public void once(Runnable action) {
    if (ranks().isFirst()) {
      action.run();
    }
    ranks().await();
  }
}
