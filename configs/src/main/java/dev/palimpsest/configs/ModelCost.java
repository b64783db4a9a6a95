package dev.palimpsest.configs;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The cost of a model: parameters, floating-point operations and bytes, by part, computed without
 * tensors.
 *
 * <p>Operations are those of matrix products, 2mnk each, with attention over the whole square;
 * norms, soft-max, activations, rotary embedding and soft-caps are not counted. The backward pass
 * costs twice the forward pass, except that pixels get no gradient. The head counts only at text
 * positions, where the loss needs it.
 *
 * @param model its sizes
 * @param resolution side of its pictures, in pixels, which sets the number of position embeddings
 * @param precision of the computation, in which graphs are kept
 */
public record ModelCost(ModelConfig model, int resolution, Precision precision) {
  /** How operations are counted, in one line. */
  public static final String FLOPS_FORMULA =
      "FLOP/step = B * (3 * (vision blocks + connector + decoder blocks + head) + 2 * patches), products only: "
          + "vision block 2N(4d^2 + 2dm) + 4N^2d, decoder block 2L(Dh(2H + 2K) + 3DM) + 4L^2Hh, head 2TDV; "
          + "L = N + T; a picture in windows has the attention of each";

  /** Bytes that blocks' graphs may use from the forward to the backward pass, by default. */
  public static final long GRAPH_BUDGET = 2L << 30;

  /** Logits in memory at a time: 256 MB in float32. */
  public static final long LOGITS = 1L << 26;

  private static final long FLOAT = 4;

  /** GPU memory that is not used for graphs: logits, temporary arrays, memory of its libraries. */
  private static final long RESERVE = 6L << 30;

  /** GPU memory that libraries keep for themselves: the context, kernels, workspaces. */
  public static final long LIBRARIES = 2L << 30;

  /**
   * Logits in memory at a time. A GPU needs more of them to be busy; the whole table is read for
   * each chunk.
   */
  public static long logits(boolean onGpu) {
    return onGpu ? 4 * LOGITS : LOGITS;
  }

  /**
   * Bytes that blocks' graphs may use on a GPU.
   *
   * @param free memory that is free when parameters, gradients and moments are there
   */
  public static long graphBudget(long free) {
    return Math.max(0, free - RESERVE) / 10 * 9;
  }

  /** Parts of a model. */
  public enum Part {
    /** The image tower. */
    VISION,
    /** What maps its tokens to the width of the decoder. */
    CONNECTOR,
    /** The table, which the head shares. */
    EMBEDDING,
    /** The decoder's blocks with their final norm. */
    DECODER,
    /** Logits; no parameters of its own. */
    HEAD
  }

  /** Scalars by part. */
  public Map<Part, Long> parameters() {
    VisionConfig v = model.vision();
    LanguageConfig l = model.language();
    long d = v.width();
    long block = 4 * (d * d + d) + 2 * d * v.mlpWidth() + v.mlpWidth() + d + 4 * d;
    long patches = 3L * v.patchSize() * v.patchSize() * d + d;
    long width = l.width();
    long queries = (long) l.heads() * l.headDim();
    long keys = (long) l.keyValueHeads() * l.headDim();
    long decoderBlock =
        width * (2 * queries + 2 * keys)
            + 3 * width * l.mlpWidth()
            + (l.postNorms() ? 4 : 2) * width;
    Map<Part, Long> parameters = new EnumMap<>(Part.class);
    parameters.put(Part.VISION, patches + v.positions(resolution) * d + v.depth() * block + 2 * d);
    long mlp = model.connector() == ModelConfig.Connector.MLP ? width * width + width : 0;
    parameters.put(Part.CONNECTOR, d * width + width + mlp);
    parameters.put(Part.EMBEDDING, l.vocabulary() * width);
    parameters.put(Part.DECODER, l.depth() * decoderBlock + width);
    parameters.put(Part.HEAD, 0L);
    return parameters;
  }

  /** All scalars. */
  public long parameterCount() {
    return parameters().values().stream().mapToLong(Long::longValue).sum();
  }

  /**
   * The input of one pass.
   *
   * @param pictures P
   * @param sequences R
   * @param length tokens of each sequence, L
   * @param predicted text positions that need logits, of all sequences
   */
  public record Pass(long pictures, long sequences, long length, long predicted) {}

  /** A batch of examples with one picture each, every one in a sequence of its own. */
  public Pass pass(int batchSize, int textTokens) {
    long length = (long) model.vision().imageTokens(resolution) + textTokens;
    return new Pass(batchSize, batchSize, length, (long) batchSize * textTokens);
  }

  /**
   * Cost of one block in a pass.
   *
   * @param forward operations
   * @param ofInputs operations of the backward pass for gradients of what the block was given
   * @param ofWeights operations of the backward pass for gradients of its parameters
   * @param bytes estimate of what it holds
   */
  public record Block(
      Part part, double forward, double ofInputs, double ofWeights, BlockBytes bytes) {
    /** Operations of the backward pass, with gradients of everything. */
    public double backward() {
      return ofInputs + ofWeights;
    }
  }

  /** The blocks of a pass, in order. */
  public List<Block> blocks(Pass pass) {
    VisionConfig v = model.vision();
    LanguageConfig l = model.language();
    double n = v.positions(resolution);
    double d = v.width();
    long imageTokens = pass.pictures * v.imageTokens(resolution);
    List<Block> blocks = new ArrayList<>();
    double patches = 2 * imageTokens * 3.0 * v.patchSize() * v.patchSize() * d;
    blocks.add(
        new Block(
            Part.VISION,
            patches,
            0,
            patches,
            BlockBytes.of(FLOAT * pass.pictures * resolution * resolution * 3)));
    double vision = 2.0 * imageTokens * (4 * d * d + 2 * d * v.mlpWidth());
    double seen = 4 * imageTokens * n * d; // attention: products without parameters
    for (int i = 0; i < v.depth(); i++) {
      blocks.add(block(Part.VISION, vision, seen, BlockBytes.of(v, imageTokens, precision)));
    }
    long activations = FLOAT * imageTokens * v.width();
    blocks.add(block(Part.VISION, 0, 0, BlockBytes.of(activations))); // the last norm
    double connector = 2 * imageTokens * d * l.width();
    long hidden = 0;
    if (model.connector() == ModelConfig.Connector.MLP) {
      hidden = 2 * FLOAT * imageTokens * l.width(); // before and after its activation
      connector += 2.0 * imageTokens * l.width() * l.width();
    }
    blocks.add(block(Part.CONNECTOR, connector, 0, BlockBytes.of(activations + hidden)));
    double all = pass.length;
    double decoder =
        pass.sequences
            * 2
            * all
            * (l.width() * (double) l.headDim() * (2 * l.heads() + 2 * l.keyValueHeads())
                + 3.0 * l.width() * l.mlpWidth());
    double attention = pass.sequences * 4 * all * all * l.heads() * l.headDim();
    for (int i = 0; i < l.depth(); i++) {
      blocks.add(
          block(
              Part.DECODER,
              decoder,
              attention,
              BlockBytes.of(l, pass.sequences, pass.length, precision)));
    }
    double head = 2.0 * pass.predicted * l.width() * l.vocabulary();
    blocks.add(block(Part.HEAD, head, 0, BlockBytes.of(0)));
    return blocks;
  }

  /**
   * A block whose backward pass has two products for each one of the forward pass.
   *
   * @param weighted operations of products with parameters
   * @param plain operations of products of activations alone
   */
  private static Block block(Part part, double weighted, double plain, BlockBytes bytes) {
    return new Block(part, weighted + plain, weighted + 2 * plain, weighted, bytes);
  }

  /**
   * Operations of a pass.
   *
   * @param forward of the forward pass
   * @param backward of the backward pass, with gradients of everything
   * @param recomputed of blocks whose forward pass is run a second time because their graphs did
   *     not fit into the budget, and of whole passes that are repeated
   */
  public record Flops(double forward, double backward, double recomputed) {
    /** Forward and backward, as model FLOPs are usually reported. */
    public double withoutRecomputation() {
      return forward + backward;
    }

    /** The operations that the hardware performs. */
    public double withRecomputation() {
      return forward + backward + recomputed;
    }

    /** Both costs together. */
    public Flops plus(Flops other) {
      return new Flops(
          forward + other.forward, backward + other.backward, recomputed + other.recomputed);
    }

    /** This cost if everything is run a second time. */
    public Flops repeated() {
      return new Flops(forward, backward, withRecomputation() + recomputed);
    }

    /** This cost, multiplied. */
    public Flops times(double factor) {
      return new Flops(forward * factor, backward * factor, recomputed * factor);
    }
  }

  /**
   * Operations of a training pass in which everything is trained.
   *
   * @param graphBudget bytes that blocks' graphs may use, {@link #GRAPH_BUDGET} by default
   */
  public Flops flops(Pass pass, long graphBudget) {
    return flops(pass, graphBudget, EnumSet.allOf(Part.class));
  }

  /**
   * Operations of a training pass. The backward pass goes down to the lowest part that is trained,
   * and computes no gradients of parameters that are not.
   *
   * @param trained parts with trained parameters; the head counts as the embedding does
   */
  public Flops flops(Pass pass, long graphBudget, Set<Part> trained) {
    double forward = 0;
    double backward = 0;
    for (Block block : blocks(pass)) {
      Part owner = block.part == Part.HEAD ? Part.EMBEDDING : block.part;
      forward += block.forward;
      backward += trained.contains(owner) ? block.ofWeights : 0;
      boolean feeds =
          block.part == Part.CONNECTOR
              ? trained.contains(Part.VISION)
              : reaches(block.part, trained);
      backward += feeds ? block.ofInputs : 0;
    }
    return new Flops(
        forward,
        backward,
        kept(pass, graphBudget).stream()
            .filter(entry -> !entry.kept && reaches(entry.block.part, trained))
            .mapToDouble(entry -> entry.block.forward)
            .sum());
  }

  /** Whether gradients flow into a part: it is trained, or something that feeds it is. */
  private static boolean reaches(Part part, Set<Part> trained) {
    boolean images = trained.contains(Part.VISION);
    return switch (part) {
      case VISION -> images;
      case CONNECTOR -> images || trained.contains(Part.CONNECTOR);
      default -> !trained.isEmpty();
    };
  }

  /** A block and whether its graph is kept. The head computes its gradients in the forward pass. */
  private record Kept(Block block, boolean kept) {}

  /**
   * Graphs are kept from the last block on as long as they fit: first the decoder's, then the image
   * tower's.
   */
  private List<Kept> kept(Pass pass, long graphBudget) {
    List<Kept> kept = new ArrayList<>();
    List<Block> blocks = blocks(pass);
    long decoderBytes =
        blocks.stream().filter(b -> b.part == Part.DECODER).mapToLong(b -> b.bytes.graph()).sum();
    for (boolean images : new boolean[] {false, true}) {
      long left = images ? Math.max(0, graphBudget - decoderBytes) : graphBudget;
      boolean fits = true;
      for (int i = blocks.size() - 1; i >= 0; i--) {
        Block block = blocks.get(i);
        boolean ofImages = block.part == Part.VISION || block.part == Part.CONNECTOR;
        if (block.part == Part.HEAD || ofImages != images) {
          continue;
        }
        fits &= block.bytes.graph() <= left;
        left -= fits ? block.bytes.graph() : 0;
        kept.add(new Kept(block, fits));
      }
    }
    return kept;
  }

  /** Uses of memory. */
  public enum Use {
    /** Master parameters, float32. */
    PARAMETERS,
    /** Gradients of what is trained, float32. */
    GRADIENTS,
    /** The optimizer's moments of the trained parameters. */
    MOMENTS,
    /** What each block was given, kept from the forward to the backward pass. */
    BLOCK_INPUTS,
    /** Graphs of blocks, kept or of the one run again; in bfloat16, with their rounded weights. */
    GRAPHS,
    /** Temporary arrays of the backward pass of one block. */
    BACKWARD,
    /**
     * Logits with their gradient, a chunk at a time; they are gone before blocks' backward passes.
     */
    LOGITS,
    /** A copy of parameters and moments while a checkpoint is being written. */
    CHECKPOINT,
    /** Pixels and tokens of the batches that are read ahead. */
    BATCHES
  }

  /**
   * About what a training step holds at its highest, in bytes; what libraries keep for themselves
   * comes on top.
   *
   * @param trained scalars that are trained
   * @param moments bytes of the optimizer's moments for each of them, {@link
   *     OptimizerConfig#momentBytes}
   * @param logits in memory at a time, {@link #logits(boolean)}
   */
  public Map<Use, Long> trainingBytes(
      Pass pass, long trained, int moments, long graphBudget, long logits) {
    LanguageConfig l = model.language();
    long largest = 0;
    for (Kept entry : kept(pass, graphBudget)) {
      largest = Math.max(largest, entry.block.bytes.backward());
    }
    Map<Use, Long> bytes = new EnumMap<>(Use.class);
    bytes.put(Use.PARAMETERS, FLOAT * parameterCount());
    bytes.put(Use.GRADIENTS, FLOAT * trained);
    bytes.put(Use.MOMENTS, moments * trained);
    Map<Use, Long> ofImages = ofImages(pass, graphBudget);
    bytes.put(
        Use.BLOCK_INPUTS,
        ofImages.getOrDefault(Use.BLOCK_INPUTS, 0L)
            + FLOAT * pass.sequences * pass.length * l.width() * (l.depth() + 1L));
    bytes.put(Use.GRAPHS, graphs(pass, graphBudget, EnumSet.allOf(Part.class)));
    long rows = Math.min(pass.predicted, Math.max(1, logits / l.vocabulary()));
    long head = 2 * FLOAT * rows * l.vocabulary();
    bytes.put(Use.BACKWARD, largest > head ? largest : 0);
    bytes.put(Use.LOGITS, largest > head ? 0 : head);
    return bytes;
  }

  /**
   * What {@link #trainingBytes} says of block inputs and graphs, of the image tower and the
   * connector alone: what is left of them when the decoder's backward pass is over.
   */
  public Map<Use, Long> ofImages(Pass pass, long graphBudget) {
    VisionConfig v = model.vision();
    long imageTokens = pass.pictures * v.imageTokens(resolution);
    Map<Use, Long> bytes = new EnumMap<>(Use.class);
    bytes.put(
        Use.BLOCK_INPUTS,
        FLOAT
            * (pass.pictures * resolution * resolution * 3
                + imageTokens * v.width() * (v.depth() + 2L)));
    bytes.put(Use.GRAPHS, graphs(pass, graphBudget, EnumSet.of(Part.VISION, Part.CONNECTOR)));
    return bytes;
  }

  /** Graphs that are kept, and the largest of those that are not. */
  private long graphs(Pass pass, long graphBudget, Set<Part> parts) {
    long graphs = 0;
    long rerun = 0;
    for (Kept entry : kept(pass, graphBudget)) {
      if (parts.contains(entry.block.part)) {
        graphs += entry.kept ? entry.block.bytes.graph() : 0;
        rerun = entry.kept ? rerun : Math.max(rerun, entry.block.bytes.graph());
      }
    }
    return graphs + rerun;
  }
}
