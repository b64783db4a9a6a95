package dev.palimpsest.stages;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.mixtures.ExampleBatch;
import dev.palimpsest.model.ModelInput;
import dev.palimpsest.model.TrainingInput;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * The examples of one forward pass, as arrays.
 *
 * @param input arrays; they may alias memory that {@code release} gives back
 * @param position where the examples stand, for messages: {@code mixture positions 96 to 127
 *     (caption/12, ...)}
 * @param ids of the examples, in order; empty when they have none
 * @param index global mixture position of the first example; also picks the dropout masks
 * @param release gives the memory behind the arrays back
 */
public record MicroBatch(
    TrainingInput input, String position, List<String> ids, long index, Runnable release)
    implements AutoCloseable {
  /** Examples without ids. */
  public MicroBatch(TrainingInput input, String position, long index, Runnable release) {
    this(input, position, List.of(), index, release);
  }

  /**
   * Uploads a batch in training layout: text columns 0..T-1 are seen, columns 1..T are predicted.
   *
   * @param manager holds the arrays
   * @param batch closed by {@link #close()}
   */
  static MicroBatch upload(NDManager manager, ExampleBatch batch) {
    int b = batch.size();
    int side = batch.resolution();
    NDArray images =
        manager.create(
            batch.images(),
            new Shape(b, batch.imagesPerExample(), side, side, 3),
            DataType.FLOAT32);
    NDArray text = integers(manager, batch.text(), batch);
    NDArray maskAr = integers(manager, batch.maskAr(), batch);
    NDArray maskLoss = integers(manager, batch.maskLoss(), batch);
    TrainingInput input =
        new TrainingInput(
            new ModelInput(images, text.get(":, :-1"), maskAr.get(":, :-1")),
            text.get(":, 1:"),
            maskLoss.get(":, 1:").toType(DataType.FLOAT32, false));
    String position =
        "mixture positions %d to %d (%s%s)"
            .formatted(
                batch.firstIndex(),
                batch.firstIndex() + b - 1,
                String.join(", ", batch.ids().subList(0, Math.min(4, b))),
                b > 4 ? ", ..." : "");
    return new MicroBatch(input, position, batch.ids(), batch.firstIndex(), batch::close);
  }

  private static NDArray integers(NDManager manager, ByteBuffer column, ExampleBatch batch) {
    return manager
        .create(column, new Shape(batch.size(), batch.textColumns()), DataType.INT32)
        .toType(DataType.INT64, false);
  }

  @Override
  public void close() {
    release.run();
  }
}
