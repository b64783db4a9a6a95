package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.model.blocks.BlockChain;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.GradientMode;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.kernels.Uploads;
import dev.palimpsest.model.towers.Head;
import dev.palimpsest.model.towers.Layout;
import dev.palimpsest.model.towers.ModelInput;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The training pass: forward, loss, and backward through the blocks down to the lowest one that is
 * trained.
 *
 * @param budget bytes for blocks' graphs that are kept for the backward pass, queried at each pass
 */
@SuppressWarnings("try") // gradient modes are used by being open
record GradientPass(Network network, LongSupplier budget) {
  private static final long NO_GRAPHS = -1;

  /**
   * Adds the gradients.
   *
   * @return the loss, whose numbers are in {@code owner}
   */
  UnreadLoss run(NDManager owner, Weights weights, TrainingInput batch, LossOptions options) {
    Kernels kernels = network.kernels();
    ModelInput input = batch.input();
    long graphBudget = weights.isStreamed() ? NO_GRAPHS : budget.getAsLong();
    try (GradientMode off = new GradientMode(false);
        NDManager step = input.text().getManager().newSubManager()) {
      Supervision supervision = Supervision.of(batch.lossMask());
      boolean anySupervised = weights.anyone(!supervision.isEmpty());
      boolean anyPictures = weights.anyone(!supervision.isEmpty() && input.images().size() > 0);
      if (supervision.isEmpty()) {
        if (anySupervised) {
          takePart(weights, step, input, options, anyPictures);
        }
        Loss none = supervision.loss(new float[0]);
        return () -> none;
      }
      Layout layout = network.layout(input);
      BlockChain imageChain = network.imageChain(weights, input.images());
      BlockChain textChain =
          network.decoderChain(weights, step, layout, options.dropout(), Trace.NONE);
      boolean tableTrained = weights.isTrained(network.embedding().spec());
      boolean imageTrained = layout.imagePlaces().length > 0 && imageChain.isTrained();
      boolean anyImageTrained = anyPictures && imageChain.isTrained();

      // ---- forward, keeping what the backward pass needs
      NDArray pictures = Network.inRow(step, input.images());
      long imageBudget =
          graphBudget < 0 ? NO_GRAPHS : Math.max(0, graphBudget - textChain.graphBytes());
      BlockChain.@Nullable Recording image =
          imageTrained ? imageChain.record(step, pictures, false, imageBudget) : null;
      NDArray imageTokens =
          image == null ? imageChain.forward(step, pictures, Trace.NONE) : image.output();
      NDArray tokens = network.laidText(step, input, layout);
      NDArray laid = network.laidOut(step, weights, imageTokens, tokens, layout);
      BlockChain.Recording text =
          textChain.record(step, laid, anyImageTrained || tableTrained, graphBudget);

      // ---- loss of the supervised rows
      NDArray rows = Uploads.of(step, supervision.rows(layout));
      NDArray last = kernels.array(step, "take_rows", text.output(), rows);
      boolean belowTrained = anyImageTrained || tableTrained || textChain.isTrained();
      BlockChain.Recording normed =
          network.normChain(weights).record(step, last, belowTrained, graphBudget);
      Head.LossesAndGradient losses =
          network
              .head()
              .lossesAndGradient(
                  step,
                  weights,
                  normed.output(),
                  Uploads.of(step, supervision.targets(batch.targets())),
                  Uploads.of(step, supervision.weights(options.weight())),
                  options.labelSmoothing());

      // ---- backward, down to the lowest trained parameter
      NDArray upstream = normed.backward(losses.rowsGradient());
      if (upstream != null) {
        upstream =
            text.backward(
                kernels.array(
                    step, "take_rows_backward", upstream, rows, layout.rows(), layout.length()));
      }
      if (upstream != null && tableTrained) {
        NDArray ofTexts =
            kernels.array(step, "take_rows", upstream, Uploads.of(step, layout.textPlaces()));
        network.embedding().backward(kernels, weights, tokens, ofTexts);
      }
      weights.complete(network.embedding().spec());
      if (upstream != null && image != null) {
        NDArray ofImages =
            kernels.array(step, "take_rows", upstream, Uploads.of(step, layout.imagePlaces()));
        image.backward(ofImages.reshape(image.output().getShape()));
      } else if (anyImageTrained) {
        imageChain.backwardOfNothing(false);
      }
      NDArray unread = PaliGemma.owned(owner, losses.losses());
      return () -> supervision.loss(unread.toFloatArray());
    }
  }

  /**
   * The pass of a micro batch without supervised tokens, in which this process takes part because
   * the others need it.
   */
  private void takePart(
      Weights weights, NDManager step, ModelInput input, LossOptions options, boolean anyPictures) {
    BlockChain imageChain = network.imageChain(weights, input.images());
    BlockChain textChain =
        network.decoderChain(weights, step, network.layout(input), options.dropout(), Trace.NONE);
    BlockChain normChain = network.normChain(weights);
    boolean anyImageTrained = anyPictures && imageChain.isTrained();
    boolean tableTrained = weights.isTrained(network.embedding().spec());

    imageChain.forwardOfNothing();
    take(weights, network.embedding().spec());
    textChain.forwardOfNothing();
    normChain.forwardOfNothing();
    take(weights, network.head().spec());

    normChain.backwardOfNothing(anyImageTrained || tableTrained || textChain.isTrained());
    textChain.backwardOfNothing(anyImageTrained || tableTrained);
    weights.complete(network.embedding().spec());
    if (anyImageTrained) {
      imageChain.backwardOfNothing(false);
    }
  }

  /** Uses a table for nothing, and adds nothing to its gradient. */
  private static void take(Weights weights, BlockSpec spec) {
    try (Weights.Lease lease = weights.take(spec)) {
      lease.useNothing();
      if (weights.isTrained(spec)) {
        spec.parameters().forEach(table -> lease.sum(table.name()));
      }
    }
  }
}
