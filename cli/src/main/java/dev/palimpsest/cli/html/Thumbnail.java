package dev.palimpsest.cli.html;

import dev.palimpsest.mixtures.images.Image;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Base64;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;

/** Pictures embedded in the page. */
public final class Thumbnail {
  private static final int LONGER_SIDE = 256;
  private static final float QUALITY = 0.82f;

  private Thumbnail() {}

  /** A picture as a JPEG data URI, reduced if it is large. */
  public static String uri(Image picture) {
    BufferedImage image =
        new BufferedImage(picture.width(), picture.height(), BufferedImage.TYPE_INT_RGB);
    int[] row = new int[picture.width()];
    byte[] rgb = picture.rgb();
    for (int y = 0, at = 0; y < picture.height(); y++) {
      for (int x = 0; x < row.length; x++, at += 3) {
        row[x] = (rgb[at] & 0xff) << 16 | (rgb[at + 1] & 0xff) << 8 | (rgb[at + 2] & 0xff);
      }
      image.setRGB(0, y, row.length, 1, row, 0, row.length);
    }
    // In steps of two first: a single bilinear step by more than two would skip pixels.
    while (Math.max(image.getWidth(), image.getHeight()) > 2 * LONGER_SIDE) {
      image = scaled(image, (image.getWidth() + 1) / 2, (image.getHeight() + 1) / 2);
    }
    double factor = (double) LONGER_SIDE / Math.max(image.getWidth(), image.getHeight());
    if (factor < 1) {
      image =
          scaled(
              image,
              Math.max(1, (int) Math.round(image.getWidth() * factor)),
              Math.max(1, (int) Math.round(image.getHeight() * factor)));
    }
    return "data:image/jpeg;base64," + Base64.getEncoder().encodeToString(jpeg(image));
  }

  private static BufferedImage scaled(BufferedImage image, int width, int height) {
    BufferedImage scaled = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D canvas = scaled.createGraphics();
    canvas.setRenderingHint(
        RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BILINEAR);
    canvas.drawImage(image, 0, 0, width, height, null);
    canvas.dispose();
    return scaled;
  }

  private static byte[] jpeg(BufferedImage image) {
    ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
    ImageWriteParam settings = writer.getDefaultWriteParam();
    settings.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
    settings.setCompressionQuality(QUALITY);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (var stream = ImageIO.createImageOutputStream(bytes)) {
      writer.setOutput(stream);
      writer.write(null, new IIOImage(image, null, null), settings);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot draw a thumbnail", e);
    } finally {
      writer.dispose();
    }
    return bytes.toByteArray();
  }
}
