package dev.palimpsest.mixtures.duplicates;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.awt.image.RescaleOp;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;

/** Pictures with the detail of photographs at every scale, and what copies go through. */
final class SyntheticPictures {
  private SyntheticPictures() {}

  /** Coloured noise of several octaves with some figures over it, 320 x 240 pixels. */
  static BufferedImage picture(int seed) {
    Random random = new Random(seed);
    BufferedImage picture = new BufferedImage(320, 240, BufferedImage.TYPE_INT_RGB);
    Graphics2D canvas = canvas(picture);
    canvas.setColor(new Color(random.nextInt(256), random.nextInt(256), random.nextInt(256)));
    canvas.fillRect(0, 0, 320, 240);
    for (int cells = 2, alpha = 150; cells <= 32; cells *= 2, alpha -= 25) {
      BufferedImage octave = new BufferedImage(cells + 1, cells, BufferedImage.TYPE_INT_ARGB);
      for (int y = 0; y < cells; y++) {
        for (int x = 0; x <= cells; x++) {
          octave.setRGB(x, y, alpha << 24 | random.nextInt(1 << 24));
        }
      }
      canvas.drawImage(octave, 0, 0, 320, 240, null);
    }
    for (int i = 0; i < 4; i++) {
      canvas.setColor(new Color(random.nextInt(256), random.nextInt(256), random.nextInt(256)));
      canvas.fillOval(
          random.nextInt(280),
          random.nextInt(200),
          20 + random.nextInt(90),
          20 + random.nextInt(90));
    }
    canvas.dispose();
    return picture;
  }

  /** What copies go through, by name. */
  static Map<String, UnaryOperator<BufferedImage>> alterations() {
    Map<String, UnaryOperator<BufferedImage>> alterations = new LinkedHashMap<>();
    alterations.put("JPEG of quality 0.3", SyntheticPictures::compressed);
    alterations.put("half the size", picture -> scaled(picture, 160, 120));
    alterations.put("another aspect ratio", picture -> scaled(picture, 500, 300));
    alterations.put("2 % cut off all sides", picture -> cropped(picture, 6, 5, 6, 5));
    alterations.put("6 % cut off all sides", picture -> cropped(picture, 19, 14, 19, 14));
    alterations.put("4 % cut off the left", picture -> cropped(picture, 13, 0, 0, 0));
    alterations.put("brighter", picture -> new RescaleOp(1.2f, 10, null).filter(picture, null));
    alterations.put("darker", picture -> new RescaleOp(0.75f, 0, null).filter(picture, null));
    alterations.put("without colour", SyntheticPictures::grey);
    return alterations;
  }

  private static BufferedImage scaled(BufferedImage picture, int width, int height) {
    BufferedImage scaled = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D canvas = canvas(scaled);
    canvas.drawImage(picture, 0, 0, width, height, null);
    canvas.dispose();
    return scaled;
  }

  private static BufferedImage cropped(
      BufferedImage picture, int left, int top, int right, int bottom) {
    return picture.getSubimage(
        left, top, picture.getWidth() - left - right, picture.getHeight() - top - bottom);
  }

  private static BufferedImage grey(BufferedImage picture) {
    BufferedImage grey =
        new BufferedImage(picture.getWidth(), picture.getHeight(), BufferedImage.TYPE_BYTE_GRAY);
    Graphics2D canvas = canvas(grey);
    canvas.drawImage(picture, 0, 0, null);
    canvas.dispose();
    return grey;
  }

  private static BufferedImage compressed(BufferedImage picture) {
    try {
      return ImageIO.read(new java.io.ByteArrayInputStream(jpeg(picture, 0.3f)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static byte[] jpeg(BufferedImage picture, float quality) {
    ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
    ImageWriteParam settings = writer.getDefaultWriteParam();
    settings.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
    settings.setCompressionQuality(quality);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (var stream = ImageIO.createImageOutputStream(bytes)) {
      writer.setOutput(stream);
      writer.write(null, new IIOImage(picture, null, null), settings);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    writer.dispose();
    return bytes.toByteArray();
  }

  static byte[] png(BufferedImage picture) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      ImageIO.write(picture, "png", bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /** A JPEG file that holds the picture turned counterclockwise, and says so. */
  static byte[] onItsSide(BufferedImage picture) {
    int columns = picture.getHeight();
    int rows = picture.getWidth();
    BufferedImage turned = new BufferedImage(columns, rows, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < rows; y++) {
      for (int x = 0; x < columns; x++) {
        turned.setRGB(x, y, picture.getRGB(rows - 1 - y, x));
      }
    }
    byte[] jpeg = jpeg(turned, 0.9f);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.write(jpeg, 0, 2);
    bytes.writeBytes(
        HexFormat.of() // an EXIF segment with one entry: orientation 6
            .parseHex(
                "ffe10022457869660000"
                    + "4d4d002a000000080001011200030000000100060000"
                    + "00000000"));
    bytes.write(jpeg, 2, jpeg.length - 2);
    return bytes.toByteArray();
  }

  private static Graphics2D canvas(BufferedImage picture) {
    Graphics2D canvas = picture.createGraphics();
    canvas.setRenderingHint(
        RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BICUBIC);
    return canvas;
  }
}
