package dev.palimpsest.mixtures.images;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.ImageConfig.Jpeg;
import dev.palimpsest.configs.data.ImageConfig.Passes;
import dev.palimpsest.configs.data.ImageConfig.Resize;
import dev.palimpsest.mixtures.Golden;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Pictures of every kind that is read, to the last bit (golden/pictures/make.py). */
class PictureLevelsTest {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  /** A line of one of the tables. */
  private record Expected(
      String file, int frame, int frames, int width, int height, String sha256) {
    @Override
    public String toString() {
      return file + " " + frame;
    }
  }

  private static Path file(String name) {
    return Golden.file("pictures/" + name);
  }

  private static Stream<Expected> table(String name) throws IOException {
    return Files.readAllLines(file(name)).stream()
        .map(line -> line.split("\t", -1))
        .map(
            cells ->
                new Expected(
                    cells[0],
                    Integer.parseInt(cells[1]),
                    Integer.parseInt(cells[2]),
                    Integer.parseInt(cells[3]),
                    Integer.parseInt(cells[4]),
                    cells[5]));
  }

  static Stream<Expected> pictures() throws IOException {
    return Stream.concat(table("levels.tsv"), table("kept.tsv"));
  }

  static Stream<Expected> jpegs() throws IOException {
    return pictures().filter(picture -> picture.file().endsWith(".jpg"));
  }

  static Stream<Expected> tensorFlow() throws IOException {
    return table("tensorflow.tsv");
  }

  private static void assertLevels(Expected expected, Image image) {
    assertEquals(
        List.of(expected.width(), expected.height()), List.of(image.width(), image.height()));
    assertEquals(expected.sha256(), sha256(image.rgb()));
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  @ParameterizedTest
  @MethodSource("pictures")
  void everyFrameEqualsTheReference(Expected expected) throws IOException {
    byte[] bytes = Files.readAllBytes(file(expected.file()));
    assertEquals(expected.frames(), ImageDecoder.frames(bytes));
    assertLevels(expected, ImageDecoder.decode(bytes, expected.frame()));
  }

  /** Not whichever of the two decoders the system has. */
  @ParameterizedTest
  @MethodSource("jpegs")
  void theJdkAloneGivesTheSame(Expected expected) throws IOException {
    byte[] bytes = Files.readAllBytes(file(expected.file()));
    assertLevels(expected, JpegDecoder.inJava(bytes, JpegHeader.of(bytes), byte[]::new));
  }

  @ParameterizedTest
  @MethodSource("tensorFlow")
  void theFastTransformGivesTensorFlowsLevels(Expected expected) throws IOException {
    assumeTrue(TurboJpeg.isFound(), "no libjpeg-turbo here");
    byte[] bytes = Files.readAllBytes(file(expected.file()));
    assertLevels(expected, ImageDecoder.decode(bytes, 0, Jpeg.FAST, byte[]::new));
  }

  @Test
  void withoutLibjpegTurboTheFastTransformIsRefusedByName() throws IOException {
    assumeTrue(!TurboJpeg.isFound(), "libjpeg-turbo is here");
    byte[] bytes = Files.readAllBytes(file("kept/j3_422.jpg"));
    assertSays(
        assertThrows(
            IOException.class, () -> ImageDecoder.decode(bytes, 0, Jpeg.FAST, byte[]::new)),
        "jpeg: fast",
        "libturbojpeg");
    assertLevels(
        table("levels.tsv").filter(p -> p.file().endsWith(".png")).findFirst().orElseThrow(),
        ImageDecoder.decode(
            Files.readAllBytes(file("png/1.png")), 0, Jpeg.FAST, byte[]::new)); // only JPEG asks
  }

  @ParameterizedTest
  @CsvSource({
    "tiff/lab.tif, CIE L*a*b*",
    "tiff/float.tif, floating-point",
    "tiff/signed.tif, sign",
    "tiff/zstd.tif, compression 50000",
    "jpeg/twelve_bits.jpg, 12 bits",
    "jpeg/lossless.jpg, lossless",
    "jpeg/hierarchical.jpg, hierarchical",
    "kept/t-loop.tif, cycle",
    "kept/ll-cut20.webp, truncated"
  })
  void whatIsNotReadIsRefusedByName(String name, String words) {
    assertSays(assertThrows(IOException.class, () -> ImageDecoder.decode(file(name))), words);
  }

  @Test
  void anEmptyFileIsCalledEmpty() {
    assertSays(assertThrows(IOException.class, () -> ImageDecoder.decode(new byte[0])), "is empty");
  }

  /** Cut anywhere, a file is never half a picture. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "webp/size_33x15.webp",
        "webp/alpha_60_00.webp",
        "webp/alpha_100_11.webp",
        "webp/animation_2.webp",
        "jpeg/four_adobe2.jpg",
        "jpeg/three_2_adobe0.jpg",
        "bmp/bgr_124.bmp",
        "gif/animation.gif",
        "png/RGBA.png",
        "tiff/rgb_plain_8.tif"
      })
  void whatIsCutIsRefused(String name) throws IOException {
    byte[] bytes = Files.readAllBytes(file(name));
    Image whole = ImageDecoder.decode(bytes);
    for (int length = 0; length < bytes.length - 12; length += 1 + bytes.length / 60) {
      byte[] cut = java.util.Arrays.copyOf(bytes, length);
      try {
        // Of several frames the first may be there.
        Assertions.assertArrayEquals(
            whole.rgb(), ImageDecoder.decode(cut).rgb(), name + " cut at " + length);
      } catch (IOException e) {
        assertTrue(e.getMessage() != null && !e.getMessage().isBlank(), name + " " + length);
      }
    }
  }

  /** The head promises 60000 x 60000 pixels. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "webp/animation_0.webp",
        "jpeg/three_2_jfif.jpg",
        "bmp/bgr_40.bmp",
        "gif/animation.gif",
        "png/RGB.png",
        "tiff/rgb_plain_8.tif"
      })
  void hugePicturesAreRefusedFromTheirHeads(String name) throws IOException {
    byte[] bytes = Files.readAllBytes(file(name));
    ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int side = 60_000;
    switch (name.substring(0, name.indexOf('/'))) {
      case "webp" -> file.putInt(24, side - 1).putInt(27, side - 1 | bytes[30] << 24);
      case "gif" -> file.putShort(6, (short) side).putShort(8, (short) side);
      case "bmp" -> file.putInt(18, side).putInt(22, side);
      case "tiff" -> {
        int entry = file.getInt(4) + 2;
        file.putInt(entry + 8, side).putInt(entry + 20, side);
      }
      case "png" -> {
        file.order(ByteOrder.BIG_ENDIAN).putInt(16, side).putInt(20, side);
        java.util.zip.CRC32 crc = new java.util.zip.CRC32();
        crc.update(bytes, 12, 17);
        file.putInt(29, (int) crc.getValue());
      }
      default -> {
        int frame = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("\u00ff\u00c0");
        file.order(ByteOrder.BIG_ENDIAN)
            .putShort(frame + 5, (short) side)
            .putShort(frame + 7, (short) side);
      }
    }
    Assertions.assertTimeout(
        LIMIT, () -> assertThrows(IOException.class, () -> ImageDecoder.decode(bytes)));
  }

  /** Each scan takes a pass over the whole picture and a few bytes of the file. */
  @Test
  void endlessScansAreRefused() throws IOException {
    assertSays(
        assertThrows(IOException.class, () -> ImageDecoder.decode(progressive(16, 200))),
        "201 scans");
    assertSays(
        assertThrows(IOException.class, () -> ImageDecoder.decode(progressive(8000, 40))),
        "41 scans",
        "at most 16");
    Image read = ImageDecoder.decode(progressive(16, 9));
    assertEquals(16, read.width());
  }

  /** A grey square: a scan of its means, and scans that say nothing of the rest. */
  private static byte[] progressive(int side, int scans) throws IOException {
    int blocks = (side + 7) / 8 * ((side + 7) / 8);
    ByteArrayOutputStream jpeg = new ByteArrayOutputStream();
    String head =
        "ffd8 ffe000104a46494600010100000100010000 ffdb004300"
            + "01".repeat(64)
            + "ffc2000b08%04x%04x01011100".formatted(side, side)
            + "ffc400140001" // DC: one code, of one bit, for no difference
            + "00".repeat(16)
            + "ffc400141001" // AC: one code, of one bit, for a run of 2^14 blocks and more
            + "00".repeat(15)
            + "e0 ffda0008010100000000";
    jpeg.writeBytes(HexFormat.of().parseHex(head.replace(" ", "")));
    jpeg.writeBytes(new byte[(blocks + 7) / 8]);
    int runs = (blocks + 32766) / 32767;
    StringBuilder bits = new StringBuilder(("0" + "1".repeat(14)).repeat(runs));
    while (bits.length() % 8 != 0) {
      bits.append('1');
    }
    for (int i = 0; i < scans; i++) {
      jpeg.writeBytes(HexFormat.of().parseHex("ffda00080101000" + "1" + "3f00"));
      for (int at = 0; at < bits.length(); at += 8) {
        int value = Integer.parseInt(bits.substring(at, at + 8), 2);
        jpeg.write(value);
        if (value == 0xff) {
          jpeg.write(0);
        }
      }
    }
    jpeg.writeBytes(new byte[] {(byte) 0xff, (byte) 0xd9});
    return jpeg.toByteArray();
  }

  static Stream<String[]> passes() throws IOException {
    return Files.readAllLines(file("passes.tsv")).stream().map(line -> line.split("\t", -1));
  }

  @ParameterizedTest
  @MethodSource("passes")
  void bothOrdersOfPassesAreThoseOfTheirPillow(String order, String side, String sha256)
      throws IOException {
    ImageConfig config =
        new ImageConfig(
            Resize.BICUBIC,
            true,
            true,
            Passes.valueOf(order.toUpperCase(Locale.ROOT)),
            Jpeg.ACCURATE,
            dev.palimpsest.configs.data.AugmentConfig.NONE);
    Image image = ImageDecoder.decode(file("kept/rgb_17x45.png"));
    assertEquals(sha256, sha256(ImagePreprocessor.resize(config, image, Integer.parseInt(side))));
  }
}
