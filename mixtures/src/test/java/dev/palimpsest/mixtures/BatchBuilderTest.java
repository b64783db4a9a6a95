package dev.palimpsest.mixtures;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.ImageConfig.Resize;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.tasks.Example;
import dev.palimpsest.mixtures.text.TokenSequence;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BatchBuilderTest {
  private static final ImageReference A = ImageReference.file(Golden.file("images/a_rgb.png"));
  private static final Path B_FILE = Golden.file("images/b_420.jpg");
  private static final ImageReference B = ImageReference.file(B_FILE);
  private static final int SIDE = 28;

  private static final Tokenizer TOKENIZER = Tokenizer.load(Golden.file("tokenizer/tiny.model"));
  private final BatchBuilder builder =
      new BatchBuilder(new ImageConfig(Resize.BILINEAR, true), SIDE, 8, TOKENIZER);

  @AfterEach
  void everythingIsFreed() {
    assertEquals(0, builder.allocatedBytes());
    builder.close();
  }

  @Test
  void trainingRowsHoldPicturesAndTokens() {
    Example one = new Example("t/1", List.of(A), "caption en", "a red kite");
    Example two = new Example("t/2", List.of(B), "", "7");
    try (ExampleBatch batch = builder.training(40, List.of(one, two))) {
      assertEquals(2, batch.size());
      assertEquals(40, batch.firstIndex());
      assertEquals(List.of("t/1", "t/2"), batch.ids());
      assertEquals(1, batch.imagesPerExample());
      assertEquals(SIDE, batch.resolution());
      assertEquals(9, batch.textColumns());
      float[] pixels = floats(batch.images());
      float[] golden =
          Golden.tensors("images/expected.safetensors").floats("a_rgb.png/28/bv_pixels");
      assertEquals(2 * golden.length, pixels.length);
      assertArrayEquals(golden, Arrays.copyOf(pixels, golden.length), 1e-6f);
      int[] kite = TOKENIZER.encode("a red kite");
      int seven = TOKENIZER.encode("7")[0];
      TokenSequence first =
          TokenSequence.forTraining(TOKENIZER.encode("caption en"), new int[] {7}, kite, 8);
      assertArrayEquals(first.text(), row(batch.text(), 0, 9));
      assertArrayEquals(first.maskAr(), row(batch.maskAr(), 0, 9));
      assertArrayEquals(first.maskLoss(), row(batch.maskLoss(), 0, 9));
      assertArrayEquals(first.maskInput(), row(batch.maskInput(), 0, 9));
      assertArrayEquals(new int[] {2, 7, seven, 1, 0, 0, 0, 0, 0}, row(batch.text(), 1, 9));
    }
  }

  @Test
  void decodingRowsHoldThePromptOnly() {
    Example example = new Example("t/1", List.of(A), "caption en", "a red kite");
    try (ExampleBatch batch = builder.decoding(0, List.of(example))) {
      int[] prompt = TOKENIZER.encode("caption en");
      assertEquals(8, batch.textColumns());
      assertArrayEquals(
          TokenSequence.forDecoding(prompt, new int[] {7}, 8).text(), row(batch.text(), 0, 8));
      assertArrayEquals(new int[8], row(batch.maskLoss(), 0, 8));
      assertArrayEquals(new int[] {1, 1, 1, 1, 0, 0, 0, 0}, row(batch.maskInput(), 0, 8));
    }
  }

  @Test
  void severalPicturesLieOneAfterAnother() {
    Example one = new Example("t/1", List.of(A, B), "p", "s");
    Example swapped = new Example("t/2", List.of(B, A), "p", "s");
    try (ExampleBatch batch = builder.training(0, List.of(one, swapped))) {
      assertEquals(2, batch.imagesPerExample());
      float[] pixels = floats(batch.images());
      int picture = SIDE * SIDE * 3;
      assertEquals(4 * picture, pixels.length);
      for (int i = 0; i < picture; i++) {
        assertEquals(pixels[i], pixels[3 * picture + i]);
        assertEquals(pixels[picture + i], pixels[2 * picture + i]);
      }
    }
  }

  @Test
  void examplesWithoutPicturesMakeABatchOfText() {
    Example example = new Example("t/1", List.of(), "p", "s");
    try (ExampleBatch batch = builder.training(0, List.of(example, example))) {
      assertEquals(0, batch.imagesPerExample());
      assertEquals(0, batch.images().remaining());
      assertEquals(2 * 9 * 4, batch.text().remaining());
    }
  }

  @Test
  void examplesOfABatchMayHaveDifferentNumbersOfPictures() {
    Example none = new Example("t/1", List.of(), "p", "s");
    Example one = new Example("t/2", List.of(A), "p", "s");
    Example two = new Example("t/3", List.of(B, A), "p", "s");
    try (ExampleBatch batch = builder.training(7, List.of(none, one, none, two));
        ExampleBatch alone = builder.training(0, List.of(one, two))) {
      assertArrayEquals(new int[] {0, 1, 0, 2}, batch.pictures());
      assertArrayEquals(floats(alone.images()), floats(batch.images()));
      assertEquals(List.of(7L, 8L, 9L, 10L), batch.positions());
      assertSays(
          assertThrows(IllegalStateException.class, batch::imagesPerExample), "[0, 1, 0, 2]");
      List<?> none2 = (List<?>) batch.columns().getVector("images").getObject(2);
      List<?> two3 = (List<?>) batch.columns().getVector("images").getObject(3);
      assertEquals(0, none2.size());
      assertEquals(2, two3.size());
      assertEquals(9L, batch.columns().getVector("position").getObject(2));
    }
  }

  @Test
  void aMissingPictureIsNamed() {
    Example example = new Example("t/1", List.of(ImageReference.file(Path.of("no.png"))), "p", "s");
    var e = assertThrows(BadExampleException.class, () -> builder.training(0, List.of(example)));
    assertSays(e, "t/1", "no.png", "does not exist");
  }

  @Test
  void aDamagedPictureIsNamed(@TempDir Path folder) throws IOException {
    byte[] bytes = Files.readAllBytes(B_FILE);
    Path half = folder.resolve("half.jpg");
    Files.write(half, Arrays.copyOf(bytes, bytes.length / 2));
    Example example = new Example("t/1", List.of(ImageReference.file(half)), "p", "s");
    var e = assertThrows(BadExampleException.class, () -> builder.training(0, List.of(example)));
    assertSays(e, "t/1", "half.jpg", "truncated");
  }

  @Test
  void buffersAreLittleEndianDirectAndIndependentOfEachOther() {
    Example example = new Example("t/1", List.of(A), "p", "s");
    try (ExampleBatch batch = builder.training(0, List.of(example))) {
      ByteBuffer buffer = batch.text();
      assertTrue(buffer.isDirect());
      assertEquals(ByteOrder.LITTLE_ENDIAN, buffer.order());
      buffer.getInt();
      assertEquals(0, batch.text().position());
    }
  }

  @Test
  void theColumnsAreCompleteArrowColumns() {
    Example example = new Example("t/1", List.of(A), "p", "s");
    try (ExampleBatch batch = builder.training(0, List.of(example, example))) {
      assertEquals(2, batch.columns().getRowCount());
      assertEquals("t/1", String.valueOf(batch.columns().getVector("id").getObject(1)));
      List<?> text = (List<?>) batch.columns().getVector("text").getObject(1);
      assertArrayEquals(
          row(batch.text(), 1, 9), text.stream().mapToInt(id -> (Integer) id).toArray());
      for (var column : batch.columns().getFieldVectors()) {
        assertEquals(0, column.getNullCount(), column.getName());
        assertEquals(2, column.getValueCount(), column.getName());
        for (var child : column.getChildrenFromFields()) {
          assertEquals(0, child.getNullCount(), column.getName());
        }
      }
    }
  }

  @Test
  void memoryThatIsUsedAgainHoldsTheNextBatchAlone() {
    Example one = new Example("t/1", List.of(A), "p", "s");
    float[] expected;
    try (ExampleBatch batch = builder.training(0, List.of(one))) {
      expected = floats(batch.images());
    }
    builder.training(0, List.of(one, one)).close();
    try (ExampleBatch batch = builder.training(0, List.of(one));
        ExampleBatch other = builder.training(1, List.of(one))) {
      assertArrayEquals(expected, floats(batch.images()));
      assertArrayEquals(expected, floats(other.images()));
    }
    assertEquals(0, builder.allocatedBytes());
  }

  @Test
  void aBatchOverTwoGibibytesIsRefusedWithAdvice() {
    try (BatchBuilder large =
        new BatchBuilder(new ImageConfig(Resize.BILINEAR, true), 896, 8, TOKENIZER)) {
      Example example = new Example("t/1", List.of(A), "p", "s");
      var e =
          assertThrows(
              IllegalArgumentException.class,
              () -> large.training(0, Collections.nCopies(256, example)));
      assertSays(e, "make the (micro-)batch smaller");
    }
  }

  private static float[] floats(ByteBuffer bytes) {
    FloatBuffer buffer = bytes.asFloatBuffer();
    float[] floats = new float[buffer.remaining()];
    buffer.get(floats);
    return floats;
  }

  private static int[] row(ByteBuffer bytes, int row, int columns) {
    int[] values = new int[columns];
    bytes.asIntBuffer().get(row * columns, values);
    return values;
  }
}
