package dev.palimpsest.mixtures.images;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.mixtures.Golden;
import java.awt.Transparency;
import java.awt.color.ColorSpace;
import java.awt.color.ICC_Profile;
import java.awt.image.BufferedImage;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.awt.image.WritableRaster;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.zip.CRC32;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImageDecoderTest {
  private final Golden.Tensors decoded = Golden.tensors("images/decoded.safetensors");

  @ParameterizedTest
  @ValueSource(strings = {"a_rgb.png", "d_large.png", "e_gray.png", "f_rgba.png"})
  void pngEqualsPillowsExactly(String name) throws IOException {
    Image image = ImageDecoder.decode(Golden.file("images/" + name));
    assertArrayEquals(decoded.shape(name), new int[] {image.height(), image.width(), 3});
    assertArrayEquals(decoded.bytes(name), image.rgb());
  }

  @ParameterizedTest
  @ValueSource(strings = {"b_420.jpg", "c_444.jpg"})
  void jpegEqualsPillowsUpToTheInverseTransform(String name) throws IOException {
    Image image = ImageDecoder.decode(Golden.file("images/" + name));
    assertArrayEquals(decoded.shape(name), new int[] {image.height(), image.width(), 3});
    byte[] golden = decoded.bytes(name);
    for (int i = 0; i < golden.length; i++) {
      // Exact where Java uses the system's libjpeg-turbo; other builds' IDCT differs by few levels.
      assertEquals((double) (golden[i] & 0xff), (double) (image.rgb()[i] & 0xff), 3.0);
    }
  }

  @Test
  void alphaIsDroppedWithoutBlending() throws IOException {
    BufferedImage image = new BufferedImage(2, 1, BufferedImage.TYPE_INT_ARGB);
    image.setRGB(0, 0, 0x00102030);
    image.setRGB(1, 0, 0x80405060);
    assertArrayEquals(new byte[] {16, 32, 48, 64, 80, 96}, ImageDecoder.decode(png(image)).rgb());
  }

  @Test
  void greyWithAlphaKeepsItsLevels() throws IOException {
    byte[] rgb = ImageDecoder.decode(png(grey(DataBuffer.TYPE_BYTE, true, 40, 200))).rgb();
    assertArrayEquals(new byte[] {40, 40, 40, (byte) 200, (byte) 200, (byte) 200}, rgb);
  }

  @Test
  void ofSixteenBitsTheUpperEightAreKept() throws IOException {
    byte[] rgb =
        ImageDecoder.decode(png(grey(DataBuffer.TYPE_USHORT, false, 0x12ff, 0xfe01))).rgb();
    assertArrayEquals(new byte[] {0x12, 0x12, 0x12, (byte) 0xfe, (byte) 0xfe, (byte) 0xfe}, rgb);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 8})
  void palettesAreLookedUp(int bits) throws IOException {
    byte[] red = {1, (byte) 250};
    byte[] green = {2, (byte) 251};
    byte[] blue = {3, (byte) 252};
    IndexColorModel palette = new IndexColorModel(bits, 2, red, green, blue);
    int type = bits == 8 ? BufferedImage.TYPE_BYTE_INDEXED : BufferedImage.TYPE_BYTE_BINARY;
    BufferedImage image = new BufferedImage(3, 1, type, palette);
    image.getRaster().setSample(1, 0, 0, 1);
    assertArrayEquals(
        new byte[] {1, 2, 3, (byte) 250, (byte) 251, (byte) 252, 1, 2, 3},
        ImageDecoder.decode(png(image)).rgb());
  }

  @ParameterizedTest
  @CsvSource({"0,0,0,0", "255,0,0,0", "10,100,200,50", "0,0,0,255"})
  void cmykJpegIsMixedByTheUsualFormula(int c, int m, int y, int k) throws IOException {
    byte[] rgb = ImageDecoder.decode(cmykJpeg(c, m, y, k)).rgb();
    int[] ink = {c, m, y};
    for (int i = 0; i < rgb.length; i++) {
      double mixed = (255 - ink[i % 3]) * (255 - k) / 255.0;
      assertEquals(mixed, rgb[i] & 0xff, 3.0); // a flat patch survives JPEG within a few levels
    }
  }

  @Test
  void aColourProfileIsIgnored() throws IOException {
    byte[] plain = Files.readAllBytes(Golden.file("images/b_420.jpg"));
    byte[] profile = ICC_Profile.getInstance(ColorSpace.CS_LINEAR_RGB).getData();
    ByteArrayOutputStream segment = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(segment);
    out.writeShort(0xffe2);
    out.writeShort(2 + 14 + profile.length);
    out.write("ICC_PROFILE\0\1\1".getBytes(StandardCharsets.ISO_8859_1));
    out.write(profile);
    byte[] tagged = inserted(plain, segment.toByteArray());
    assertArrayEquals(ImageDecoder.decode(plain).rgb(), ImageDecoder.decode(tagged).rgb());
  }

  @Test
  void exifOrientationIsIgnored() throws IOException {
    byte[] plain = Files.readAllBytes(Golden.file("images/b_420.jpg"));
    byte[] exif = {
      (byte) 0xff,
      (byte) 0xe1,
      0,
      34,
      'E',
      'x',
      'i',
      'f',
      0,
      0,
      'M',
      'M',
      0,
      42,
      0,
      0,
      0,
      8,
      0,
      1,
      1,
      18,
      0,
      3,
      0,
      0,
      0,
      1,
      0,
      6,
      0,
      0,
      0,
      0,
      0,
      0 // tag 0x0112 = 6: rotated by 90 degrees
    };
    Image image = ImageDecoder.decode(inserted(plain, exif));
    assertEquals(97, image.width());
    assertArrayEquals(ImageDecoder.decode(plain).rgb(), image.rgb());
  }

  @ParameterizedTest
  @CsvSource({
    "b_420.jpg,0.5",
    "b_420.jpg,0.9",
    "c_444.jpg,0.7",
    "a_rgb.png,0.5",
    "d_large.png,0.9",
    "b_420.jpg,0.02",
    "a_rgb.png,0.004"
  })
  void truncatedFilesAreRefused(String name, double share) throws IOException {
    byte[] bytes = Files.readAllBytes(Golden.file("images/" + name));
    byte[] cut = Arrays.copyOf(bytes, (int) (bytes.length * share));
    assertThrows(IOException.class, () -> ImageDecoder.decode(cut));
  }

  @Test
  void otherFilesAreRefusedWithTheirFirstBytes() {
    var e =
        assertThrows(
            IOException.class,
            () -> ImageDecoder.decode("<htm>not found</htm>".getBytes(StandardCharsets.UTF_8)));
    assertSays(e, "not a picture", "3c68746d");
    e =
        assertThrows(
            IOException.class,
            () -> ImageDecoder.decode("<html>not found</html>".getBytes(StandardCharsets.UTF_8)));
    assertSays(e, "not a picture", "HTML page");
    assertThrows(IOException.class, () -> ImageDecoder.decode(new byte[0]));
  }

  @Test
  void hugePicturesAreRefusedBeforeTheyAreDecoded() throws IOException {
    ByteArrayOutputStream header = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(header);
    out.writeBytes("IHDR");
    out.writeInt(60_000);
    out.writeInt(50_000);
    out.write(new byte[] {8, 2, 0, 0, 0});
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    DataOutputStream file = new DataOutputStream(png);
    file.writeLong(0x89504e470d0a1a0aL);
    file.writeInt(13);
    file.write(header.toByteArray());
    CRC32 crc = new CRC32();
    crc.update(header.toByteArray());
    file.writeInt((int) crc.getValue());
    file.writeInt(0);
    file.writeBytes("IDAT");
    file.writeInt(0x35af061e);
    var e = assertThrows(IOException.class, () -> ImageDecoder.decode(png.toByteArray()));
    assertSays(e, "60000 x 50000");
  }

  private static BufferedImage grey(int type, boolean alpha, int first, int second) {
    ComponentColorModel model =
        new ComponentColorModel(
            ColorSpace.getInstance(ColorSpace.CS_GRAY),
            alpha,
            false,
            alpha ? Transparency.TRANSLUCENT : Transparency.OPAQUE,
            type);
    WritableRaster raster = Raster.createInterleavedRaster(type, 2, 1, alpha ? 2 : 1, null);
    raster.setSample(0, 0, 0, first);
    raster.setSample(1, 0, 0, second);
    if (alpha) {
      raster.setSample(0, 0, 1, 7);
    }
    return new BufferedImage(model, raster, false, null);
  }

  private static byte[] png(BufferedImage image) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    assertTrue(ImageIO.write(image, "png", bytes));
    return bytes.toByteArray();
  }

  /** A flat patch as Adobe's programs write it: inverted inks, marked by an APP14 segment. */
  private static byte[] cmykJpeg(int c, int m, int y, int k) throws IOException {
    WritableRaster raster = Raster.createInterleavedRaster(DataBuffer.TYPE_BYTE, 16, 16, 4, null);
    int[] ink = {255 - c, 255 - m, 255 - y, 255 - k};
    for (int i = 0; i < 256; i++) {
      raster.setPixel(i % 16, i / 16, ink);
    }
    ImageWriter writer = jdkJpegWriter();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ImageOutputStream out = ImageIO.createImageOutputStream(bytes)) {
      writer.setOutput(out);
      writer.write(null, new IIOImage(raster, null, null), null);
    } finally {
      writer.dispose();
    }
    byte[] adobe = {
      (byte) 0xff, (byte) 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0
    };
    return inserted(bytes.toByteArray(), adobe);
  }

  private static ImageWriter jdkJpegWriter() {
    var writers = ImageIO.getImageWritersByFormatName("jpeg");
    while (writers.hasNext()) {
      ImageWriter writer = writers.next();
      if (writer.getClass().getName().startsWith("com.sun.")) {
        return writer;
      }
    }
    throw new IllegalStateException("the platform has no JPEG writer");
  }

  /** A JPEG file with a segment put behind its start marker. */
  private static byte[] inserted(byte[] jpeg, byte[] segment) {
    byte[] result = Arrays.copyOf(jpeg, jpeg.length + segment.length);
    System.arraycopy(segment, 0, result, 2, segment.length);
    System.arraycopy(jpeg, 2, result, 2 + segment.length, jpeg.length - 2);
    return result;
  }
}
