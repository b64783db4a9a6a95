package dev.palimpsest.model.blocks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.model.kernels.GradientMode;
import dev.palimpsest.model.kernels.Kernels;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Blocks in sequence, differentiated one at a time starting with the last.
 *
 * <p>A recorded forward pass keeps each block's input; the backward pass runs a block again with
 * gradients on and computes its vector-Jacobian product, so that memory holds the graph of only one
 * block. Graphs of the last blocks are kept if they fit into a budget: the operations and numbers
 * are the same, hence also the bits, but the second run is saved.
 */
@SuppressWarnings("try") // gradient modes are used by being open
public final class BlockChain {
  private final Kernels kernels;
  private final Weights weights;
  private final List<Block> blocks;

  public BlockChain(Kernels kernels, Weights weights, List<Block> blocks) {
    this.kernels = kernels;
    this.weights = weights;
    this.blocks = blocks;
  }

  /** Estimated size of all blocks' graphs together. */
  public long graphBytes() {
    return blocks.stream().mapToLong(Block::graphBytes).sum();
  }

  /** Whether any parameter of any block needs gradients. */
  public boolean isTrained() {
    return blocks.stream().anyMatch(block -> weights.isTrained(block.spec()));
  }

  /**
   * The last block's output, in {@code owner}. Gradient mode must be off.
   *
   * @param x the first block's input; it remains the caller's
   */
  public NDArray forward(NDManager owner, NDArray x, Trace trace) {
    NDArray input = x;
    for (Block block : blocks) {
      NDArray output = forward(owner, block, input);
      trace.value(block.name(), output);
      if (input != x) {
        input.close();
      }
      input = output;
    }
    return input;
  }

  /**
   * A forward pass that prepares a backward pass. Gradient mode must be off.
   *
   * @param owner manager of what is kept in between
   * @param x the first block's input; must stay open until the backward pass is over
   * @param inputTrained whether anything below the first block needs gradients
   * @param budget bytes that kept graphs may take; negative: none is kept
   */
  public Recording record(NDManager owner, NDArray x, boolean inputTrained, long budget) {
    int keepFrom = blocks.size(); // first block whose graph is kept
    long left = budget;
    while (budget >= 0 && keepFrom > 0 && blocks.get(keepFrom - 1).graphBytes() <= left) {
      keepFrom--;
      left -= blocks.get(keepFrom).graphBytes();
    }
    List<Step> steps = new ArrayList<>();
    boolean below = inputTrained;
    NDArray input = x;
    for (int i = 0; i < blocks.size(); i++) {
      Step step = new Step(blocks.get(i), input, below, weights);
      NDArray output;
      if (step.isNeeded() && i >= keepFrom) {
        step.graph = new Graph(owner, step);
        output = step.graph.recorded.get(0);
      } else {
        output = forward(owner, step.block, input);
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

  /** Takes part in a forward pass of other processes, without data of its own. */
  public void forwardOfNothing() {
    for (Block block : blocks) {
      try (Weights.Lease lease = weights.take(block.spec())) {
        lease.useNothing();
      }
    }
  }

  /**
   * Takes part in a backward pass of other processes, without gradients of its own.
   *
   * @param inputTrained whether anything below the first block needs gradients
   */
  public void backwardOfNothing(boolean inputTrained) {
    int lowest = 0; // whose backward pass is run
    while (!inputTrained
        && lowest < blocks.size()
        && !weights.isTrained(blocks.get(lowest).spec())) {
      lowest++;
    }
    for (int i = blocks.size() - 1; i >= lowest; i--) {
      try (Weights.Lease lease = weights.take(blocks.get(i).spec())) {
        lease.useNothing();
        lease.addNothing();
      }
    }
  }

  private NDArray forward(NDManager owner, Block block, NDArray input) {
    try (Weights.Lease lease = weights.take(block.spec())) {
      return run(owner, block, input, lease.arrays()).get(0);
    }
  }

  private List<NDArray> run(
      NDManager owner, Block block, NDArray input, Map<String, NDArray> parameters) {
    List<Object> arguments = new ArrayList<>();
    arguments.add(input);
    arguments.add(parameters);
    arguments.addAll(block.spec().settings());
    arguments.addAll(block.arguments());
    return kernels.arrays(owner, block.spec().kernel(), arguments.toArray());
  }

  /** A recorded forward pass; its backward pass can run once. */
  public final class Recording {
    private final NDManager owner;
    private final List<Step> steps;
    private final NDArray output;

    private Recording(NDManager owner, List<Step> steps, NDArray output) {
      this.owner = owner;
      this.steps = steps;
      this.output = output;
    }

    /** The last block's output, open until the backward pass. */
    public NDArray output() {
      return output;
    }

    /**
     * Adds the gradients of trained parameters and frees what was kept.
     *
     * @param upstream gradient of the output; it remains the caller's
     * @return gradient of the chain's input, in the recording's owner; null if nothing below the
     *     chain needs it
     */
    public @Nullable NDArray backward(NDArray upstream) {
      NDArray dy = upstream;
      for (int i = steps.size() - 1; i >= 0; i--) {
        Step step = steps.get(i);
        NDArray dx;
        try (Graph graph = step.graph != null ? step.graph : new Graph(owner, step)) {
          dx = graph.backward(owner, dy);
        }
        if (dy != upstream) {
          dy.close();
        }
        if (i > 0 && steps.get(i - 1).graph == null) {
          step.input.close(); // the output of the previous block; a kept graph closes its own
        }
        if (dx == null) {
          return null;
        }
        dy = dx;
      }
      return dy == upstream ? null : dy;
    }
  }

  /** One block of a recording: its input, and its graph if that is kept. */
  private static final class Step {
    final Block block;
    final NDArray input;
    final boolean inputTrained;
    final List<String> trained; // names in the block
    @Nullable Graph graph;

    Step(Block block, NDArray input, boolean inputTrained, Weights weights) {
      this.block = block;
      this.input = input;
      this.inputTrained = inputTrained;
      this.trained =
          block.spec().parameters().stream()
              .filter(parameter -> weights.isTrained(block.spec().name(parameter)))
              .map(BlockSpec.Parameter::name)
              .toList();
    }

    boolean isNeeded() {
      return inputTrained || !trained.isEmpty();
    }
  }

  /** A block's output with the graph that leads back to its input and trained parameters. */
  private final class Graph implements AutoCloseable {
    private final Step step;
    private final NDManager manager;
    private final Weights.Lease lease;
    private final List<NDArray> leaves; // the input if something below is trained, then parameters
    private final List<NDArray> recorded; // the output, then the tape of products

    Graph(NDManager owner, Step step) {
      this.step = step;
      this.manager = owner.newSubManager();
      this.lease = weights.take(step.block.spec());
      try (GradientMode on = new GradientMode(true)) {
        Map<String, NDArray> parameters = new LinkedHashMap<>(lease.arrays());
        List<NDArray> sources = new ArrayList<>();
        if (step.inputTrained) {
          sources.add(step.input);
        }
        step.trained.forEach(name -> sources.add(parameters.get(name)));
        leaves = kernels.arrays(manager, "leaves", sources);
        int at = step.inputTrained ? 1 : 0;
        for (String name : step.trained) {
          parameters.put(name, leaves.get(at++));
        }
        NDArray input = step.inputTrained ? leaves.get(0) : step.input;
        recorded = run(manager, step.block, input, parameters);
      } catch (RuntimeException e) {
        lease.close();
        throw e;
      }
    }

    @Nullable NDArray backward(NDManager owner, NDArray dy) {
      List<NDArray> computed = kernels.arrays(manager, "backward", recorded, leaves, dy);
      int at = step.inputTrained ? 1 : 0;
      Map<String, NDArray> gradients = new LinkedHashMap<>();
      for (String name : step.trained) {
        gradients.put(name, computed.get(at++));
      }
      lease.add(gradients);
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
      lease.close();
    }
  }
}
