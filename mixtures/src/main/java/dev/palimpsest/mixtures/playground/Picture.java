package dev.palimpsest.mixtures.playground;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * A scene or a print with its file name.
 *
 * @param file relative to the dataset's folder, with forward slashes
 * @param textureSeed seed of background and grain
 */
record Picture<T>(String file, T content, long textureSeed) {
  private static final float JPEG_QUALITY = 0.9f;

  /** The file name; every third picture is a PNG file, the others are JPEG files. */
  static String file(String split, String kind, int index) {
    return String.format(
        java.util.Locale.ROOT,
        "images/%s-%s-%05d.%s",
        split,
        kind,
        index,
        index % 3 == 0 ? "png" : "jpg");
  }

  static BufferedImage draw(Scene scene, long textureSeed) {
    Random texture = new Random(textureSeed);
    Canvas canvas = new Canvas(texture);
    scene.things().forEach(thing -> canvas.fill(thing.hue().color(), thing.outline()));
    return canvas.finish(texture);
  }

  static BufferedImage draw(Print print, long textureSeed) {
    Random texture = new Random(textureSeed);
    Canvas canvas = new Canvas(texture);
    Thing bystander = print.bystander();
    if (bystander != null) {
      canvas.fill(bystander.hue().color(), bystander.outline());
    }
    canvas.fill(Hue.BLACK.color(), print.inkShape());
    return canvas.finish(texture);
  }

  static void write(BufferedImage image, Path file) throws IOException {
    String format = file.toString().endsWith(".png") ? "png" : "jpeg";
    ImageWriter writer = ImageIO.getImageWritersByFormatName(format).next();
    try (OutputStream out = Files.newOutputStream(file);
        MemoryCacheImageOutputStream stream = new MemoryCacheImageOutputStream(out)) {
      writer.setOutput(stream);
      ImageWriteParam settings = writer.getDefaultWriteParam();
      if (format.equals("jpeg")) {
        settings.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
        settings.setCompressionQuality(JPEG_QUALITY);
      }
      writer.write(null, new IIOImage(image, null, null), settings);
    } finally {
      writer.dispose();
    }
  }
}
