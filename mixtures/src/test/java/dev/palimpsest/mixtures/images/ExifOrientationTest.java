package dev.palimpsest.mixtures.images;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.configs.data.Orientation;
import dev.palimpsest.mixtures.Golden;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Against Pillow 9.4; {@code golden/orientation/make.py} writes both files. Its {@code
 * ImageOps.exif_transpose} makes the expected levels, its {@code getexif} says what damaged EXIF
 * means.
 */
class ExifOrientationTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HexFormat HEX = HexFormat.of();

  /** Little-endian, one entry: orientation 6. */
  private static final String TURNED = "49492a0008000000 0100 120103000100000006000000 00000000";

  /**
   * A picture's file and how Pillow sees it.
   *
   * @param orientation as Pillow wrote it
   * @param seen with its levels
   */
  record Stored(String format, int orientation, byte[] file, Image seen) {
    @Override
    public String toString() {
      return format + " " + orientation;
    }

    ImageReference reference() {
      return new ImageReference(toString(), () -> file, 0);
    }
  }

  static List<Stored> pictures() throws IOException {
    return lines("pictures.jsonl").stream().map(ExifOrientationTest::stored).toList();
  }

  private static Stored stored(JsonNode line) {
    try {
      return new Stored(
          line.get("format").asText(),
          line.get("orientation").intValue(),
          line.get("file").binaryValue(),
          new Image(
              line.get("width").intValue(),
              line.get("height").intValue(),
              line.get("rgb").binaryValue()));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<JsonNode> lines(String file) throws IOException {
    return Files.readAllLines(Golden.file("orientation/" + file)).stream()
        .map(
            line -> {
              try {
                return JSON.readTree(line);
              } catch (IOException e) {
                throw new IllegalStateException(line, e);
              }
            })
        .toList();
  }

  private static void assertSame(Image expected, Image image) {
    assertEquals(
        List.of(expected.width(), expected.height()), List.of(image.width(), image.height()));
    assertArrayEquals(expected.rgb(), image.rgb());
  }

  @ParameterizedTest
  @MethodSource("pictures")
  void everyOrientationIsSeenAsPillowSeesIt(Stored picture) throws IOException {
    assertSame(picture.seen, picture.reference().with(Orientation.EXIF).decode());
  }

  @ParameterizedTest
  @MethodSource("pictures")
  void withoutTheOptionPicturesAreSeenAsTheyAreStored(Stored picture) throws IOException {
    Stored first =
        pictures().stream()
            .filter(p -> p.format.equals(picture.format) && p.orientation == 1)
            .findFirst()
            .orElseThrow();
    assertSame(first.seen, picture.reference().decode());
  }

  /** More than one tile in both directions, and not a whole number of them. */
  @Test
  void largePicturesAreTurnedWhole() {
    byte[] rgb = new byte[3 * 150 * 70];
    new Random(1).nextBytes(rgb);
    Image stored = new Image(150, 70, rgb);
    Image back =
        Turn.UPSIDE_DOWN.of(Turn.MIRRORED.of(Turn.CLOCKWISE.of(Turn.CLOCKWISE.of(stored))));
    assertSame(stored, back);
    assertSame(stored, Turn.COUNTERCLOCKWISE.of(Turn.CLOCKWISE.of(stored)));
    assertSame(Turn.TRANSVERSE.of(stored), Turn.TRANSPOSED.of(Turn.HALF.of(Turn.NONE.of(stored))));
    Image turned = Turn.CLOCKWISE.of(stored);
    for (int y = 0; y < 150; y += 7) {
      for (int x = 0; x < 70; x += 3) {
        assertEquals(rgb[3 * ((69 - x) * 150 + y)], turned.rgb()[3 * (y * 70 + x)]);
      }
    }
  }

  @Test
  void damagedExifSaysWhatPillowReadsOfIt() throws IOException {
    List<JsonNode> lines = lines("damaged.jsonl");
    assertTrue(lines.size() > 300);
    for (JsonNode line : lines) {
      byte[] jpeg = jpeg(HEX.parseHex(line.get("exif").asText()));
      int value = ExifOrientation.of(jpeg, 0).value();
      assertEquals(line.get("orientation").intValue(), value, line.toString());
    }
  }

  /** The start of a file whose segments are these EXIF ones. */
  private static byte[] jpeg(byte[]... exif) {
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    file.writeBytes(HEX.parseHex("ffd8"));
    for (byte[] part : exif) {
      file.writeBytes(HEX.parseHex("ffe1"));
      file.writeBytes(ByteBuffer.allocate(2).putShort((short) (8 + part.length)).array());
      file.writeBytes("Exif\0\0".getBytes(StandardCharsets.US_ASCII));
      file.writeBytes(part);
    }
    file.writeBytes(HEX.parseHex("ffdb0004abcdffda0002"));
    return file.toByteArray();
  }

  private static byte[] turned() {
    return HEX.parseHex(TURNED.replace(" ", ""));
  }

  private static byte[] join(String before, byte[] after) {
    byte[] start = HEX.parseHex(before.replace(" ", ""));
    byte[] joined = Arrays.copyOf(start, start.length + after.length);
    System.arraycopy(after, 0, joined, start.length, after.length);
    return joined;
  }

  @Test
  void segmentsOfJpegAreFoundWhereverTheyStandBeforeTheScan() {
    byte[] exif = turned();
    byte[] rest = Arrays.copyOfRange(jpeg(exif), 2, jpeg(exif).length);
    assertEquals(Turn.CLOCKWISE, ExifOrientation.of(join("ffd8 ffe00004abcd ffff", rest), 0));
    assertEquals(Turn.CLOCKWISE, ExifOrientation.of(join("ffd8 ffd0 12 ff00", rest), 0));
    // Long EXIF goes over several segments.
    byte[] begin = Arrays.copyOf(exif, 13);
    byte[] end = Arrays.copyOfRange(exif, 13, exif.length);
    assertEquals(Turn.CLOCKWISE, ExifOrientation.of(jpeg(begin, end), 0));
    assertEquals(Turn.NONE, ExifOrientation.of(jpeg(begin), 0));
    assertEquals(Turn.NONE, ExifOrientation.of(join("ffd8 ffda 0002", rest), 0), "after the scan");
    assertEquals(Turn.NONE, ExifOrientation.of(join("ffd8 ffe1 ffff", rest), 0), "longer");
    assertEquals(Turn.NONE, ExifOrientation.of(join("ffd8 ffe1 0000", rest), 0), "no length");
  }

  @Test
  void chunksThatTheFileDisownsAreIgnored() throws IOException {
    for (Stored picture : pictures()) {
      if (picture.orientation == 1) {
        continue;
      }
      byte[] file = picture.file.clone();
      if (picture.format.equals("png")) {
        // Where the orientation's value stands, after the chunk's type.
        int value = find(file, "eXIf") + 4 + 18;
        file[value] ^= 0x10;
        file[value + 1] ^= 0x10;
        assertEquals(Turn.NONE, ExifOrientation.of(file, 0), "wrong checksum");
        assertSame(picture.reference().decode(), new ImageReference("", () -> file, 0).decode());
      } else if (picture.format.equals("webp")) {
        file[20] &= ~0x08;
        assertEquals(Turn.NONE, ExifOrientation.of(file, 0), "head without EXIF");
      }
    }
  }

  private static int find(byte[] file, String word) {
    return new String(file, StandardCharsets.ISO_8859_1).indexOf(word);
  }

  @Test
  void everyPageHasItsOwn() {
    // Two directories of one entry, at 8 and 26; the second is followed by the first.
    String one = "0001 0112 0003 00000001 0003 0000";
    String two = "0001 0112 0003 00000001 0008 0000";
    byte[] tiff =
        HEX.parseHex(("4d4d002a 00000008" + one + "0000001a" + two + "00000008").replace(" ", ""));
    assertEquals(Turn.HALF, ExifOrientation.of(tiff, 0));
    assertEquals(Turn.COUNTERCLOCKWISE, ExifOrientation.of(tiff, 1));
    assertEquals(Turn.HALF, ExifOrientation.of(tiff, 1000));
  }

  /** Bytes changed, cut off and put in anywhere. */
  @Test
  void noFileIsAnError() throws IOException {
    Random random = new Random(5);
    List<Stored> pictures = pictures();
    for (int i = 0; i < 20_000; i++) {
      byte[] file = pictures.get(i % pictures.size()).file.clone();
      for (int change = random.nextInt(6); change >= 0; change--) {
        int at = random.nextInt(file.length);
        if (random.nextInt(20) == 0) {
          file = Arrays.copyOf(file, at + 1);
        } else {
          file[at] = (byte) (random.nextBoolean() ? random.nextInt() : -random.nextInt(2));
        }
      }
      ExifOrientation.of(file, random.nextInt(3));
    }
    byte[] none = {};
    assertEquals(Turn.NONE, ExifOrientation.of(none, 0));
    assertThrows(
        IOException.class,
        () -> new ImageReference("", () -> none, 0).with(Orientation.EXIF).decode());
  }
}
