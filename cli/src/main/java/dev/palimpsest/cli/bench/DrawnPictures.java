package dev.palimpsest.cli.bench;

import dev.palimpsest.files.Durable;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;

/**
 * JPEG files of 640 x 480 pixels in a temporary folder, as expensive to decode as photographs; they
 * are deleted when this is closed.
 *
 * @param files in the order of their names
 */
record DrawnPictures(Path folder, List<Path> files) implements AutoCloseable {
  private static final int DRAWN = 64;

  /** Draws the pictures. */
  static DrawnPictures draw() throws IOException {
    Path folder = Files.createTempDirectory("palimpsest-bench");
    draw(folder);
    try (Stream<Path> list = Files.list(folder)) {
      return new DrawnPictures(folder, list.sorted().toList());
    }
  }

  /** Smooth colours with some noise and edges: about 90 KB per file, like photographs. */
  private static void draw(Path folder) throws IOException {
    Random random = new Random(0);
    ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
    ImageWriteParam quality = writer.getDefaultWriteParam();
    quality.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
    quality.setCompressionQuality(0.9f);
    for (int i = 0; i < DRAWN; i++) {
      BufferedImage picture = new BufferedImage(640, 480, BufferedImage.TYPE_3BYTE_BGR);
      double phase = random.nextDouble() * 6;
      for (int y = 0; y < 480; y++) {
        for (int x = 0; x < 640; x++) {
          int noise = random.nextInt(24);
          int edge = (x / 40 + y / 40 + i) % 5 == 0 ? 60 : 0;
          int red = (int) (90 + 50 * Math.sin(x / 50.0 + phase)) + noise + edge;
          int green = (int) (90 + 50 * Math.sin(y / 40.0 - phase)) + noise;
          int blue = (int) (90 + 50 * Math.sin((x + y) / 60.0)) + noise - edge / 2;
          picture.setRGB(x, y, red << 16 | green << 8 | Math.max(0, blue));
        }
      }
      try (ImageOutputStream out =
          ImageIO.createImageOutputStream(folder.resolve("%03d.jpg".formatted(i)).toFile())) {
        writer.setOutput(out);
        writer.write(null, new IIOImage(picture, null, null), quality);
      }
    }
    writer.dispose();
  }

  @Override
  public void close() {
    try {
      Durable.delete(folder);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete " + folder, e);
    }
  }
}
