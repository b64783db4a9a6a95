package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.Segment;
import dev.palimpsest.model.blocks.BlockChain;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.kernels.Uploads;
import dev.palimpsest.model.towers.Dropout;
import dev.palimpsest.model.towers.Embedding;
import dev.palimpsest.model.towers.Gemma;
import dev.palimpsest.model.towers.Head;
import dev.palimpsest.model.towers.ImageTower;
import dev.palimpsest.model.towers.Layout;
import dev.palimpsest.model.towers.ModelInput;
import java.util.List;

/**
 * The parts of a network and how they are connected: an image tower, the embedding, the decoder and
 * the head. Arrays that methods return belong to the given manager.
 */
record Network(
    Kernels kernels,
    Precision precision,
    ImageTower images,
    Embedding embedding,
    Gemma decoder,
    Head head,
    Segment causalFrom) {
  /** The parts that an architecture describes; loads the kernels of its image tower. */
  static Network of(Architecture architecture, Precision precision, Kernels kernels) {
    ImageTower images = architecture.images();
    LanguageConfig language = architecture.language();
    kernels.require(images.kernels());
    return new Network(
        kernels,
        precision,
        images,
        new Embedding(language),
        new Gemma(language),
        new Head(language, precision, kernels, ModelCost.logits(kernels.isOnGpu())),
        architecture.causalFrom());
  }

  /** The positions of a batch's tokens in sequences. */
  Layout layout(ModelInput input) {
    int imageTokens = images.imageTokens(resolution(input.images()));
    Layout layout =
        new Layout(input.sequences(), imageTokens, input.maskAr().toLongArray(), causalFrom);
    long pictures = pictureCount(input.images());
    if (pictures * imageTokens != layout.imagePlaces().length) {
      throw new IllegalArgumentException(
          "the examples have %d pictures in total, but %d were given"
              .formatted(layout.imagePlaces().length / imageTokens, pictures));
    }
    return layout;
  }

  /**
   * How many tokens at the beginning of a prompt see each other in both directions.
   *
   * @param images its image tokens
   * @param slots all of its tokens
   */
  long bidirectional(long images, long slots) {
    return switch (causalFrom) {
      case IMAGE -> 0;
      case PREFIX -> images;
      case SUFFIX -> slots;
    };
  }

  /** From pictures, float32 [P, S, S, 3], to image tokens. */
  BlockChain imageChain(Weights weights, NDArray pictures) {
    Shape shape = pictures.getShape();
    long groups = shape.dimension() == 5 ? shape.get(0) : 1;
    return new BlockChain(
        kernels,
        weights,
        images.blocks(groups, pictureCount(pictures), resolution(pictures), precision));
  }

  /** From tokens in their sequences, float32 [R, L, D], to the last block's output. */
  BlockChain decoderChain(
      Weights weights, NDManager step, Layout layout, Dropout dropout, Trace trace) {
    return new BlockChain(
        kernels,
        weights,
        decoder.blocks(decoder.context(kernels, step, layout, trace), dropout, precision));
  }

  /** The final norm, for any rows of the decoder's output. */
  BlockChain normChain(Weights weights) {
    return new BlockChain(kernels, weights, List.of(decoder.norm()));
  }

  NDArray norm(NDManager step, Weights weights, NDArray rows) {
    return normChain(weights).forward(step, rows, Trace.NONE);
  }

  /** Image tokens, [groups, P*N / groups, D]. */
  NDArray encode(NDManager step, Weights weights, NDArray pictures, Trace trace) {
    return imageChain(weights, pictures).forward(step, inRow(step, pictures), trace);
  }

  /** The text tokens that are placed in sequences, int64 [.]. */
  NDArray laidText(NDManager step, ModelInput input, Layout layout) {
    NDArray all = input.text().flatten();
    all.attach(step);
    return kernels.array(step, "select_rows", all, Uploads.of(step, layout.texts()));
  }

  /**
   * Image tokens and embedded text in their sequences, [R, L, D].
   *
   * @param tokens from {@link #laidText}
   */
  NDArray laidOut(
      NDManager step, Weights weights, NDArray imageTokens, NDArray tokens, Layout layout) {
    NDArray text = embedding.forward(kernels, step, weights, tokens);
    Shape shape = new Shape(layout.rows(), layout.length());
    return kernels.array(
        step, "lay_out", imageTokens, text, Uploads.of(step, layout.sources(), shape));
  }

  /** Pictures in a row, float32 [P, S, S, 3]. */
  static NDArray inRow(NDManager step, NDArray pictures) {
    int side = resolution(pictures);
    NDArray row = pictures.reshape(-1, side, side, 3);
    row.attach(step);
    return row;
  }

  private static int resolution(NDArray pictures) {
    return Math.toIntExact(pictures.getShape().get(pictures.getShape().dimension() - 2));
  }

  private static long pictureCount(NDArray pictures) {
    Shape shape = pictures.getShape();
    return shape.slice(0, shape.dimension() - 3).size();
  }
}
