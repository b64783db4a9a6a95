package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Blocks one after the other, differentiated one at a time from the last.
 *
 * <p>A recorded forward pass keeps each block's input; the backward pass runs a block again with
 * gradients on and takes its vector-Jacobian product, so that memory holds the graph of one block.
 * The graphs of the last blocks are kept instead where they fit into a budget: the same operations
 * on the same numbers, hence the same bits, without the second run.
 */
@SuppressWarnings("try") // gradient modes are used by being open
final class BlockChain {
  private final Kernels kernels;
  private final Parameters parameters;
  private final List<Block> blocks;

  BlockChain(Kernels kernels, Parameters parameters, List<Block> blocks) {
    this.kernels = kernels;
    this.parameters = parameters;
    this.blocks = blocks;
  }

  /** About what the graphs of all blocks take together. */
  long graphBytes() {
    return blocks.stream().mapToLong(Block::graphBytes).sum();
  }

  /**
   * The last block's output, in {@code owner}. Gradient mode must be off.
   *
   * @param x the first block's input; stays the caller's
   */
  NDArray forward(NDManager owner, NDArray x, Trace trace) {
    NDArray input = x;
    for (Block block : blocks) {
      NDArray output = run(owner, block, input, weights(block)).get(0);
      trace.value(block.name(), output);
      if (input != x) {
        input.close();
      }
      input = output;
    }
    return input;
  }

  /**
   * A forward pass that can go back. Gradient mode must be off.
   *
   * @param owner holds what is kept in between
   * @param x the first block's input; must stay open until the backward pass is over
   * @param inputTrained whether anything below the first block wants gradients
   * @param trained parameters that want gradients
   * @param budget bytes that kept graphs may take
   */
  Recording record(
      NDManager owner, NDArray x, boolean inputTrained, Predicate<String> trained, long budget) {
    int keepFrom = blocks.size(); // first block whose graph is kept
    long left = budget;
    while (keepFrom > 0 && blocks.get(keepFrom - 1).graphBytes() <= left) {
      keepFrom--;
      left -= blocks.get(keepFrom).graphBytes();
    }
    List<Step> steps = new ArrayList<>();
    boolean below = inputTrained;
    NDArray input = x;
    for (int i = 0; i < blocks.size(); i++) {
      Step step = new Step(blocks.get(i), input, below, trained);
      NDArray output;
      if (step.isNeeded() && i >= keepFrom) {
        step.graph = new Graph(owner, step);
        output = step.graph.recorded.get(0);
      } else {
        output = run(owner, step.block, input, weights(step.block)).get(0);
      }
      if (step.isNeeded()) {
        steps.add(step);
        below = true;
      } else if (input != x) {
        input.close();
      }
      input = output;
    }
    return new Recording(owner, steps, input);
  }

  private List<NDArray> run(NDManager owner, Block block, NDArray input, List<NDArray> weights) {
    List<Object> arguments = new ArrayList<>();
    arguments.add(input);
    arguments.add(weights);
    arguments.addAll(block.settings());
    return kernels.arrays(owner, block.kernel(), arguments.toArray());
  }

  private List<NDArray> weights(Block block) {
    return block.parameters().stream().map(parameters::get).toList();
  }

  /** A forward pass on its way back; used once. */
  final class Recording {
    private final NDManager owner;
    private final List<Step> steps;
    private final NDArray output;

    private Recording(NDManager owner, List<Step> steps, NDArray output) {
      this.owner = owner;
      this.steps = steps;
      this.output = output;
    }

    /** The last block's output, open until the backward pass. */
    NDArray output() {
      return output;
    }

    /**
     * Adds the gradients of trained parameters and frees what was kept.
     *
     * @param upstream gradient of the output; stays the caller's
     * @return gradient of the chain's input, in the recording's owner; null where nothing below the
     *     chain wants it
     */
    @Nullable NDArray backward(NDArray upstream, Parameters gradients) {
      NDArray dy = upstream;
      for (int i = steps.size() - 1; i >= 0; i--) {
        Step step = steps.get(i);
        NDArray dx;
        try (Graph graph = step.graph != null ? step.graph : new Graph(owner, step)) {
          dx = graph.backward(owner, dy, gradients);
        }
        if (dy != upstream) {
          dy.close();
        }
        if (i > 0 && steps.get(i - 1).graph == null) {
          step.input.close(); // the output of the step before; a kept graph closes its own
        }
        if (dx == null) {
          return null;
        }
        dy = dx;
      }
      return dy == upstream ? null : dy;
    }
  }

  /** One block of a recording: what it was given, and its graph where that is kept. */
  private static final class Step {
    final Block block;
    final NDArray input;
    final boolean inputTrained;
    final List<String> trained;
    @Nullable Graph graph;

    Step(Block block, NDArray input, boolean inputTrained, Predicate<String> trained) {
      this.block = block;
      this.input = input;
      this.inputTrained = inputTrained;
      this.trained = block.parameters().stream().filter(trained).toList();
    }

    boolean isNeeded() {
      return inputTrained || !trained.isEmpty();
    }
  }

  /** A block's output with its way back to the block's input and trained parameters. */
  private final class Graph implements AutoCloseable {
    private final Step step;
    private final NDManager manager;
    private final List<NDArray> leaves; // the input if something below is trained, then parameters
    private final List<NDArray> recorded; // the output, then the tape of products

    Graph(NDManager owner, Step step) {
      this.step = step;
      this.manager = owner.newSubManager();
      List<NDArray> sources = new ArrayList<>();
      if (step.inputTrained) {
        sources.add(step.input);
      }
      step.trained.forEach(name -> sources.add(parameters.get(name)));
      try (GradientMode on = new GradientMode(true)) {
        leaves = kernels.arrays(manager, "leaves", sources);
        int at = step.inputTrained ? 1 : 0;
        NDArray input = step.inputTrained ? leaves.get(0) : step.input;
        List<NDArray> weights = new ArrayList<>();
        for (String name : step.block.parameters()) {
          weights.add(step.trained.contains(name) ? leaves.get(at++) : parameters.get(name));
        }
        recorded = run(manager, step.block, input, weights);
      }
    }

    @Nullable NDArray backward(NDManager owner, NDArray dy, Parameters gradients) {
      List<NDArray> computed = kernels.arrays(manager, "backward", recorded, leaves, dy);
      int at = step.inputTrained ? 1 : 0;
      List<NDArray> sums = step.trained.stream().map(gradients::get).toList();
      if (!sums.isEmpty()) {
        kernels.update("accumulate", sums, computed.subList(at, computed.size()));
      }
      if (!step.inputTrained) {
        return null;
      }
      NDArray dx = computed.get(0);
      dx.attach(owner);
      return dx;
    }

    @Override
    public void close() {
      manager.close();
    }
  }
}
