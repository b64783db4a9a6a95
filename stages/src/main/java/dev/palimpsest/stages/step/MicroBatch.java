package dev.palimpsest.stages.step;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.mixtures.ExampleBatch;
import dev.palimpsest.model.TrainingInput;
import dev.palimpsest.model.kernels.Uploads;
import dev.palimpsest.model.towers.ModelInput;
import dev.palimpsest.model.towers.Sequences;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The examples of one forward pass, as arrays.
 *
 * @param input arrays; they may share memory that {@code release} returns
 * @param position of the examples, for messages: {@code mixture positions 96 to 127 (caption/12,
 *     ...)}
 * @param ids of the examples, in order; empty if they have none
 * @param tokens image tokens and real text tokens that the model is given, of all examples
 * @param pass what is computed, padding included
 * @param index global mixture position where the micro batch begins; it also determines the dropout
 *     masks
 * @param release returns the memory of the arrays
 */
public record MicroBatch(
    TrainingInput input,
    String position,
    List<String> ids,
    long tokens,
    ModelCost.Pass pass,
    long index,
    Runnable release)
    implements AutoCloseable {
  /** Examples without ids, whose cost is not counted. */
  public MicroBatch(TrainingInput input, String position, long index, Runnable release) {
    this(input, position, List.of(), 0, new ModelCost.Pass(0, 0, 0, 0), index, release);
  }

  /**
   * Uploads a batch in training layout: text columns 0..T-1 are seen, columns 1..T are predicted.
   *
   * @param manager owner of the arrays
   * @param batch closed by {@link #close()}
   */
  public static MicroBatch upload(NDManager manager, ExampleBatch batch, Packing packing) {
    int side = batch.resolution();
    Shape pictures = new Shape(Arrays.stream(batch.pictures()).sum(), side, side, 3);
    NDArray images =
        pictures.size() == 0
            ? manager.zeros(pictures)
            : Uploads.of(manager, batch.images(), pictures, DataType.FLOAT32);
    NDArray text = integers(manager, batch.text(), batch);
    // The model reads their values, and reading them from a GPU would wait for it.
    NDManager host = manager.newSubManager(Device.cpu());
    NDArray maskAr = integers(host, batch.maskAr(), batch);
    NDArray targets = integers(host, batch.text(), batch);
    NDArray maskLoss = integers(host, batch.maskLoss(), batch);
    Sequences sequences = packing.sequences(batch);
    TrainingInput input =
        new TrainingInput(
            new ModelInput(images, text.get(":, :-1"), maskAr.get(":, :-1"), sequences),
            targets.get(":, 1:"),
            maskLoss.get(":, 1:").toType(DataType.FLOAT32, false));
    return new MicroBatch(
        input,
        position(batch),
        batch.ids(),
        packing.tokens(batch),
        packing.pass(batch, sequences),
        batch.firstIndex(),
        batch::close);
  }

  private static String position(ExampleBatch batch) {
    List<Long> positions = batch.positions();
    int n = positions.size();
    int shown = Math.min(4, n);
    boolean together =
        IntStream.range(1, n).allMatch(i -> positions.get(i) == positions.get(0) + i);
    String range =
        together
            ? positions.get(0) + " to " + positions.get(n - 1)
            : positions.stream().map(String::valueOf).collect(Collectors.joining(", "));
    String ids = String.join(", ", batch.ids().subList(0, shown));
    return "mixture positions %s (%s%s)".formatted(range, ids, n > shown ? ", ..." : "");
  }

  private static NDArray integers(NDManager manager, ByteBuffer column, ExampleBatch batch) {
    Shape shape = new Shape(batch.size(), batch.textColumns());
    return Uploads.of(manager, column, shape, DataType.INT32).toType(DataType.INT64, false);
  }

  @Override
  public void close() {
    release.run();
  }
}
