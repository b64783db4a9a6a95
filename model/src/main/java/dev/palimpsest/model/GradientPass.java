package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.model.blocks.BlockChain;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.GradientMode;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.towers.Head;
import dev.palimpsest.model.towers.Layout;
import dev.palimpsest.model.towers.ModelInput;
import java.util.List;
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
  Loss run(Weights weights, TrainingInput batch, LossOptions options) {
    Kernels kernels = network.kernels();
    ModelInput input = batch.input();
    long graphBudget = budget.getAsLong();
    try (GradientMode off = new GradientMode(false);
        NDManager step = input.text().getManager().newSubManager()) {
      Supervision supervision = Supervision.of(batch.lossMask());
      boolean anySupervised = weights.anyone(!supervision.isEmpty());
      boolean anyPictures = weights.anyone(!supervision.isEmpty() && input.images().size() > 0);
      if (supervision.isEmpty()) {
        if (anySupervised) {
          takePart(weights, step, input, options, anyPictures);
        }
        return supervision.loss(new float[0]);
      }
      Layout layout = network.layout(input);
      BlockChain imageChain = network.imageChain(weights, input.images());
      BlockChain textChain =
          network.decoderChain(weights, step, layout, options.dropout(), Trace.NONE);
      boolean tableTrained = weights.isTrained(network.embedding().spec());
      boolean imageTrained = layout.imagePlaces().length > 0 && imageChain.isTrained();
      boolean othersPictures = !imageTrained && anyPictures && imageChain.isTrained();

      // ---- forward, keeping what the backward pass needs
      NDArray pictures = Network.inRow(step, input.images());
      long imageBudget = Math.max(0, graphBudget - textChain.graphBytes());
      BlockChain.@Nullable Recording image =
          imageTrained ? imageChain.record(step, pictures, false, imageBudget) : null;
      NDArray imageTokens =
          image == null ? imageChain.forward(step, pictures, Trace.NONE) : image.output();
      NDArray tokens = network.laidText(step, input, layout);
      NDArray laid = network.laidOut(step, weights, imageTokens, tokens, layout);
      BlockChain.Recording text =
          textChain.record(step, laid, imageTrained || tableTrained, graphBudget);

      // ---- loss of the supervised rows
      NDArray rows = step.create(supervision.rows(layout));
      NDArray last = kernels.array(step, "take_rows", text.output(), rows);
      boolean belowTrained = imageTrained || tableTrained || textChain.isTrained();
      BlockChain.Recording normed =
          network.normChain(weights).record(step, last, belowTrained, graphBudget);
      Head.LossesAndGradient losses =
          network
              .head()
              .lossesAndGradient(
                  step,
                  weights,
                  normed.output(),
                  step.create(supervision.targets(batch.targets())),
                  step.create(supervision.weights(options.weight())),
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
            kernels.array(step, "take_rows", upstream, step.create(layout.textPlaces()));
        network.embedding().backward(kernels, weights, tokens, ofTexts);
      }
      if (upstream != null && image != null) {
        NDArray ofImages =
            kernels.array(step, "take_rows", upstream, step.create(layout.imagePlaces()));
        image.backward(ofImages.reshape(image.output().getShape()));
      } else if (othersPictures) {
        imageChain.backwardOfNothing();
      }
      return supervision.loss(losses.losses().toFloatArray());
    }
  }

  /**
   * The backward pass of a micro batch without supervised tokens, for the other processes' sake.
   */
  private void takePart(
      Weights weights, NDManager step, ModelInput input, LossOptions options, boolean anyPictures) {
    for (BlockSpec spec : List.of(network.head().spec(), network.embedding().spec())) {
      if (weights.isTrained(spec)) {
        try (Weights.Lease lease = weights.take(spec)) {
          spec.parameters().forEach(table -> lease.sum(table.name()));
        }
      }
    }
    network.normChain(weights).backwardOfNothing();
    network
        .decoderChain(weights, step, network.layout(input), options.dropout(), Trace.NONE)
        .backwardOfNothing();
    if (anyPictures) {
      network.imageChain(weights, input.images()).backwardOfNothing();
    }
  }
}
