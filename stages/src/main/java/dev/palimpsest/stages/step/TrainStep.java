package dev.palimpsest.stages.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.model.Loss;
import dev.palimpsest.model.LossOptions;
import dev.palimpsest.model.UnreadLoss;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.towers.Dropout;
import dev.palimpsest.stages.optimizer.Optimizer;
import dev.palimpsest.stages.optimizer.Shards;
import dev.palimpsest.stages.state.Storage;
import dev.palimpsest.stages.state.TrainState;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One optimizer step: the gradients of all micro batches are added up, weighted so that the sum is
 * the gradient of one large batch, and then the parameters are updated once.
 */
public final class TrainStep {
  private final VisionLanguageModel model;
  private final StageConfig stage;
  private final Optimizer optimizer;
  private final Storage storage;
  private final DataParallel parallel;
  private final long seed;

  /** The memory of gradients, where it is kept from step to step. */
  private @Nullable Parameters places;

  /**
   * A step of a stage.
   *
   * @param storage for gradients
   * @param parallel the ranks that make the step together
   * @param seed the run's seed; dropout masks are a function of it, the stage's name and the
   *     mixture position
   */
  public TrainStep(
      VisionLanguageModel model,
      StageConfig stage,
      Optimizer optimizer,
      Storage storage,
      DataParallel parallel,
      long seed) {
    this.model = model;
    this.stage = stage;
    this.optimizer = optimizer;
    this.storage = storage;
    this.parallel = parallel;
    this.seed = seed ^ ((long) stage.name().hashCode() << 32);
  }

  /** A step that this process makes by itself. */
  public TrainStep(
      VisionLanguageModel model,
      StageConfig stage,
      Optimizer optimizer,
      Storage storage,
      long seed) {
    this(model, stage, optimizer, storage, DataParallel.NONE, seed);
  }

  /** Decides between the gradients and the update. */
  @FunctionalInterface
  public interface Judge {
    /**
     * Whether to update the parameters.
     *
     * @throws DivergenceException when the run must end here
     */
    boolean update(Attempt attempt);
  }

  /**
   * A step between its gradients and its update.
   *
   * @param loss as in {@link Outcome}
   * @param gradientNorm as in {@link Outcome}
   * @param parts its micro batches
   */
  public record Attempt(double loss, double gradientNorm, List<Part> parts) {
    /** The positions of the examples, for messages. */
    public String position() {
      return parts.stream().map(Part::position).collect(Collectors.joining("; "));
    }
  }

  /**
   * A micro batch of an attempt.
   *
   * @param position as in {@link MicroBatch}
   * @param index as in {@link MicroBatch}
   * @param ids as in {@link MicroBatch}
   * @param loss mean over the examples
   * @param losses by example
   * @param supervisedTokens by example
   * @param tokens as in {@link MicroBatch}
   * @param pass as in {@link MicroBatch}
   */
  public record Part(
      String position,
      long index,
      List<String> ids,
      double loss,
      float[] losses,
      int[] supervisedTokens,
      long tokens,
      ModelCost.Pass pass) {}

  /** Bit by bit, since losses of a resumed or replayed step are compared like that. */
  private static final class WrittenPart implements DataParallel.Written<Part> {
    @Override
    public void write(Part part, DataOutputStream out) throws IOException {
      out.writeUTF(part.position());
      out.writeLong(part.index());
      out.writeInt(part.ids().size());
      for (String id : part.ids()) {
        out.writeUTF(id);
      }
      out.writeDouble(part.loss());
      out.writeInt(part.losses().length);
      for (int i = 0; i < part.losses().length; i++) {
        out.writeFloat(part.losses()[i]);
        out.writeInt(part.supervisedTokens()[i]);
      }
      out.writeLong(part.tokens());
      out.writeLong(part.pass().pictures());
      out.writeLong(part.pass().sequences());
      out.writeLong(part.pass().length());
      out.writeLong(part.pass().predicted());
    }

    @Override
    public Part read(DataInputStream in) throws IOException {
      String position = in.readUTF();
      long index = in.readLong();
      List<String> ids = new ArrayList<>();
      for (int n = in.readInt(); n > 0; n--) {
        ids.add(in.readUTF());
      }
      double loss = in.readDouble();
      float[] losses = new float[in.readInt()];
      int[] supervised = new int[losses.length];
      for (int i = 0; i < losses.length; i++) {
        losses[i] = in.readFloat();
        supervised[i] = in.readInt();
      }
      long tokens = in.readLong();
      ModelCost.Pass pass =
          new ModelCost.Pass(in.readLong(), in.readLong(), in.readLong(), in.readLong());
      return new Part(position, index, ids, loss, losses, supervised, tokens, pass);
    }
  }

  /**
   * Updates the parameters and moments of {@code state} in place.
   *
   * @param parent all arrays made here belong to children of it and are closed on return
   * @param next supplies the next micro batch, with its arrays in the given manager
   * @return what happened; the caller adds times and waiting
   * @throws DivergenceException before the update, when the loss or the gradient norm is not a
   *     number
   */
  public Outcome run(NDManager parent, TrainState state, Function<NDManager, MicroBatch> next) {
    return run(
        parent,
        state,
        next,
        attempt -> {
          if (!Double.isFinite(attempt.loss()) || !Double.isFinite(attempt.gradientNorm())) {
            throw new DivergenceException(
                "the loss is %s and the gradient norm %s at %s"
                    .formatted(attempt.loss(), attempt.gradientNorm(), attempt.position()));
          }
          return true;
        });
  }

  /** The same with a judge that may prevent the update. */
  public Outcome run(
      NDManager parent, TrainState state, Function<NDManager, MicroBatch> next, Judge judge) {
    state.beginStep();
    return storage.recomputesGradients()
        ? twice(parent, state, next, judge)
        : once(parent, state, next, judge);
  }

  /** A step that keeps its gradients. */
  private Outcome once(
      NDManager parent, TrainState state, Function<NDManager, MicroBatch> next, Judge judge) {
    try (NDManager step = parent.newSubManager();
        GradientSum sum =
            new GradientSum(
                parallel,
                optimizer.shards(),
                () -> gradients(step, state.parameters(), kept(parent, state.parameters())),
                () -> gradients(step, state.parameters(), null))) {
      // Read after the last one, so that a GPU does not wait for this thread between them.
      List<Supplier<Part>> unread = new ArrayList<>();
      for (int round = 0; round < parallel.rounds(stage); round++) {
        try (NDManager micro = step.newSubManager();
            MicroBatch batch = next.apply(micro);
            Weights weights =
                weights(state.parameters(), sum, round == parallel.rounds(stage) - 1)) {
          UnreadLoss loss =
              model.accumulateGradients(step, weights, batch.input(), options(batch, weight()));
          unread.add(() -> part(batch, loss.read()));
        }
        sum.added();
      }
      List<Part> parts =
          parallel.inOrder(
              unread.stream().map(Supplier::get).toList(), Part::index, new WrittenPart());
      Parameters gradients = sum.total();
      Optimizer.GradientNorms norms = optimizer.gradientNorms(gradients);
      return judged(
          state, parts, norms, judge, () -> optimizer.update(state, gradients, norms.total()));
    }
  }

  /**
   * A step of one micro batch that does not keep its gradients: it computes them for their norm,
   * and again for the update of each parameter.
   */
  private Outcome twice(
      NDManager parent, TrainState state, Function<NDManager, MicroBatch> next, Judge judge) {
    try (NDManager step = parent.newSubManager();
        MicroBatch batch = next.apply(step)) {
      Measured first = measured(step, state.parameters(), batch);
      return judged(
          state,
          List.of(part(batch, first.loss().read())),
          first.norms(),
          judge,
          () -> {
            Optimizer.InTurn update = optimizer.inTurn(state, first.norms().total());
            pass(step, state.parameters(), batch, update::update);
            return update.norms();
          });
    }
  }

  /** What is known of a pass whose gradients are gone. */
  private record Measured(UnreadLoss loss, Optimizer.GradientNorms norms) {}

  private Measured measured(NDManager step, Parameters parameters, MicroBatch batch) {
    Map<String, float[]> squares = new LinkedHashMap<>();
    trained(parameters).keySet().forEach(name -> squares.put(name, new float[0]));
    UnreadLoss loss =
        pass(
            step,
            parameters,
            batch,
            (name, gradient) -> squares.put(name, optimizer.squares(gradient)));
    return new Measured(loss, optimizer.gradientNorms(squares));
  }

  /**
   * A pass whose gradients are used one after the other and not kept.
   *
   * @param use receives each trained parameter's name and gradient, when nothing needs the
   *     parameter any more
   */
  private UnreadLoss pass(
      NDManager step, Parameters parameters, MicroBatch batch, BiConsumer<String, NDArray> use) {
    Map<String, Shape> shapes = trained(parameters);
    List<String> backwards = new ArrayList<>(shapes.keySet());
    Collections.reverse(backwards);
    try (Parameters gradients = storage.sums(step, shapes, null)) {
      Weights weights =
          Weights.inTurn(
              Weights.training(parameters, optimizer.groups()::trains, gradients),
              backwards,
              name -> {
                use.accept(name, gradients.settled(name)); // nothing may have been added to it
                gradients.release(name);
              });
      UnreadLoss loss = model.accumulateGradients(step, weights, batch.input(), options(batch, 1));
      weights.close(); // uses the others, to which nothing was added; not after a failure
      return loss;
    }
  }

  /** Updates the parameters if a judge agrees. */
  private Outcome judged(
      TrainState state,
      List<Part> parts,
      Optimizer.GradientNorms gradientNorms,
      Judge judge,
      Supplier<Optimizer.Norms> update) {
    double loss = 0;
    long supervised = 0;
    int most = 0;
    for (Part part : parts) {
      loss += weight() * part.loss();
      for (int tokens : part.supervisedTokens()) {
        supervised += tokens;
        most = Math.max(most, tokens);
      }
    }
    boolean updates = judge.update(new Attempt(loss, gradientNorms.total(), parts));
    Optimizer.Norms norms = updates ? update.get() : new Optimizer.Norms(0, Double.NaN);
    return new Outcome(
        loss,
        gradientNorms,
        norms.update(),
        norms.parameters(),
        (double) supervised / stage.batchSize(),
        most,
        optimizer.learningRates(state.scheduleExamples()),
        parts,
        updates);
  }

  /** A micro batch's share of the batch. */
  private double weight() {
    return (double) stage.microBatchSize() / stage.batchSize();
  }

  private static Part part(MicroBatch batch, Loss loss) {
    return new Part(
        batch.position(),
        batch.index(),
        batch.ids(),
        loss.mean(),
        loss.perExample(),
        loss.supervisedTokens(),
        batch.tokens(),
        batch.pass());
  }

  /** L2 norm of the gradients of a single micro batch. */
  public double gradientNorm(NDManager parent, Parameters parameters, MicroBatch batch) {
    if (storage.recomputesGradients()) {
      return measured(parent, parameters, batch).norms().total();
    }
    try (Parameters gradients = gradients(parent, parameters, null)) {
      model.accumulateGradients(
          Weights.training(parameters, optimizer.groups()::trains, gradients),
          batch.input(),
          options(batch, 1));
      gradients.names().forEach(gradients::settled);
      return optimizer.gradientNorm(gradients);
    }
  }

  private LossOptions options(MicroBatch batch, double weight) {
    return new LossOptions(
        stage.labelSmoothing(), new Dropout(stage.dropout(), seed, batch.index()), weight);
  }

  private Weights weights(Parameters parameters, GradientSum sum, boolean isLast) {
    Parameters gradients = sum.next();
    Shards shards = optimizer.shards();
    if (shards == null || !parallel.dividesGradients()) {
      return sum.summed(
          Weights.training(parameters, optimizer.groups()::trains, gradients),
          parameters.names().stream().filter(optimizer.groups()::trains).toList(),
          isLast);
    }
    return Weights.divided(
        parallel.dividesParameters()
            ? Weights.gathered(parameters, shards::parts, shards.ranks())
            : Weights.of(parameters),
        optimizer.groups()::trains,
        gradients,
        shards::parts,
        shards.ranks());
  }

  private Parameters gradients(NDManager parent, Parameters parameters, @Nullable Parameters kept) {
    Map<String, Shape> shapes = trained(parameters);
    Shards shards = optimizer.shards();
    return shards == null || !parallel.dividesGradients()
        ? storage.sums(parent, shapes, kept)
        : storage.zeros(parent, Storage.Use.GRADIENTS, shards.shapes(shapes), Precision.F32);
  }

  private @Nullable Parameters kept(NDManager parent, Parameters parameters) {
    if (places == null && storage.keepsGradients() && !parallel.dividesGradients()) {
      places = Parameters.zeros(parent, trained(parameters));
    }
    return places;
  }

  private Map<String, Shape> trained(Parameters parameters) {
    Map<String, Shape> shapes = parameters.shapes();
    shapes.keySet().retainAll(optimizer.groups().trained());
    return shapes;
  }

  /** Bytes of memory that is kept between steps. */
  public long keptBytes() {
    return places == null ? 0 : places.bytes();
  }

  /** Frees them; the next step takes them again. */
  public void rest() {
    if (places != null) {
      places.close();
      places = null;
    }
  }

  /**
   * The result of one step.
   *
   * @param loss mean over the batch of the mean over each example's supervised tokens
   * @param gradientNorms over trained parameters
   * @param updateNorm L2 of what was subtracted
   * @param parameterNorm L2 of all trained parameters after the update; NaN without one
   * @param meanSupervisedTokens mean supervised tokens per example
   * @param maxSupervisedTokens largest number of supervised tokens in one example
   * @param learningRates effective rate (base x multiplier x schedule) by group pattern
   * @param parts its micro batches, in the order in which they were consumed
   * @param updated whether the parameters were updated
   */
  public record Outcome(
      double loss,
      Optimizer.GradientNorms gradientNorms,
      double updateNorm,
      double parameterNorm,
      double meanSupervisedTokens,
      int maxSupervisedTokens,
      Map<String, Double> learningRates,
      List<Part> parts,
      boolean updated) {
    /** L2 over trained parameters, before clipping. */
    public double gradientNorm() {
      return gradientNorms.total();
    }

    /** The examples, in the order in which they were consumed. */
    public List<String> ids() {
      return parts.stream().flatMap(part -> part.ids().stream()).toList();
    }

    /** Image tokens and real text tokens that the model was given. */
    public long tokens() {
      return parts.stream().mapToLong(Part::tokens).sum();
    }

    /** The step's examples by task, in alphabetical order. */
    public Map<String, TaskLoss> tasks() {
      return TaskLoss.of(parts);
    }
  }
}
