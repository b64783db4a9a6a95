package dev.palimpsest.eval.decoding;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.DecodeConfig;
import dev.palimpsest.eval.decoding.Decoder.Stop;
import dev.palimpsest.mixtures.Tokenizer;
import dev.palimpsest.model.ModelInput;
import dev.palimpsest.model.Trace;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DecoderTest {
  private static final int ROWS = 8;
  private static final int TEXT = 6;
  private static final int NEW = 7;

  private TinyModel tiny;
  private NDManager manager;
  private NDArray images;
  private NDArray text;
  private final int[] lengths = {6, 3, 5, 2, 6, 4, 3, 5};

  @BeforeAll
  void drawPrompts() {
    tiny = new TinyModel(4);
    manager = tiny.manager.newSubManager();
    SplittableRandom random = new SplittableRandom(5);
    float[] pixels = new float[ROWS * TinyModel.SIDE * TinyModel.SIDE * 3];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (float) (2 * random.nextDouble() - 1);
    }
    images = manager.create(pixels, new Shape(ROWS, 1, TinyModel.SIDE, TinyModel.SIDE, 3));
    long[] ids = new long[ROWS * TEXT];
    for (int row = 0; row < ROWS; row++) {
      for (int i = 0; i < lengths[row]; i++) {
        ids[row * TEXT + i] = 3L + random.nextInt(TinyModel.VOCABULARY - 3);
      }
    }
    text = manager.create(ids, new Shape(ROWS, TEXT));
  }

  @AfterAll
  void close() {
    tiny.close();
  }

  @Test
  void eachTokenIsTheLikeliestOfAFullForwardPassOverWhatPrecedesIt() {
    List<Decoded> rows = decode(0, ROWS, Stop.AT_LIMIT);
    for (int row = 0; row < ROWS; row++) {
      int prompt = lengths[row];
      long[] prefix = text.get(row).get("0:" + prompt).toLongArray();
      for (int step = 0; step < NEW; step++) {
        int length = prompt + step;
        long[] ids = Arrays.copyOf(prefix, length);
        long[] maskAr = new long[length];
        for (int i = prompt; i < length; i++) {
          ids[i] = rows.get(row).tokens()[i - prompt];
          maskAr[i] = 1;
        }
        NDArray logits =
            tiny.model.logits(
                manager,
                tiny.parameters,
                new ModelInput(
                    images.get(row + ":" + (row + 1)),
                    manager.create(ids, new Shape(1, length)),
                    manager.create(maskAr, new Shape(1, length))),
                Trace.NONE);
        NDArray last = logits.get(0).get(length - 1);
        int token = rows.get(row).tokens()[step];
        assertEquals(last.argMax().getLong(), token);
        // Cached and full attention add up in other orders: float32 rounding.
        assertEquals(
            last.logSoftmax(0).getFloat(token), rows.get(row).logProbabilities()[step], 1e-4);
      }
    }
  }

  @Test
  void rowsEndAtTheirOwnEosWhateverTheOthersDo() {
    List<Decoded> toLimit = decode(0, ROWS, Stop.AT_LIMIT);
    List<Decoded> toEos = decode(0, ROWS, Stop.AT_EOS);
    int early = 0;
    for (int row = 0; row < ROWS; row++) {
      int[] all = toLimit.get(row).tokens();
      int end = 0;
      while (end < NEW && all[end] != Tokenizer.EOS) {
        end++;
      }

      early += end < NEW ? 1 : 0;
      assertArrayEquals(Arrays.copyOf(all, Math.min(NEW, end + 1)), toEos.get(row).tokens());
    }
    // Enough rows end for the batch to shrink, and some go on; else the test shows nothing.
    assertTrue(early >= ROWS / 2 && early < ROWS, early + " rows end early");
  }

  @Test
  void aRowAloneSaysWhatItSaysInABatch() {
    List<Decoded> together = decode(0, ROWS, Stop.AT_EOS);
    for (int row = 0; row < ROWS; row++) {
      assertArrayEquals(
          together.get(row).tokens(), decode(row, row + 1, Stop.AT_EOS).get(0).tokens());
    }
  }

  @Test
  void nothingIsLeftInTheCallersManager() {
    decode(0, ROWS, Stop.AT_EOS);
    long before = manager.getManagedArrays().size();
    decode(0, ROWS, Stop.AT_EOS);
    assertEquals(before, manager.getManagedArrays().size());
  }

  private List<Decoded> decode(int from, int to, Stop stop) {
    try (NDManager own = manager.newSubManager()) {
      NDArray part = images.get(from + ":" + to);
      NDArray prompts = text.get(from + ":" + to);
      part.attach(own);
      prompts.attach(own);
      try (Decoder decoder = new Decoder(tiny.model, tiny.parameters, own)) {
        return decoder.decode(
            new Prompts(part, prompts, Arrays.copyOfRange(lengths, from, to)),
            DecodeConfig.greedy(NEW),
            stop);
      }
    }
  }
}
