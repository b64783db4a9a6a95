package dev.palimpsest.mixtures.images;

import dev.palimpsest.configs.data.AugmentConfig;
import dev.palimpsest.configs.data.ImageConfig.Jpeg;
import dev.palimpsest.mixtures.codecs.BoundingBox;
import dev.palimpsest.mixtures.order.Draw;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.MemoryCacheImageOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * The steps by which one use of a row varies its pictures, in this order: encoding as JPEG and
 * decoding again, cropping, resizing, and finally outlining a part.
 *
 * @param jpegQuality from 1 to 100; 0: not encoded
 * @param view the part that is kept
 * @param resize the method, instead of the one that the stage names
 * @param outline the part that is asked about; absent: the whole picture
 */
public record ImageSteps(
    int jpegQuality, BoundingBox view, @Nullable ResizeMethod resize, @Nullable Outline outline) {
  /** Pictures without changes. */
  public static final ImageSteps NONE = new ImageSteps(0, BoundingBox.WHOLE, null);

  private static final int LEAST_QUALITY = 75;
  private static final int MOST_QUALITY = 95;

  /** Steps without an outline. */
  public ImageSteps(int jpegQuality, BoundingBox view, @Nullable ResizeMethod resize) {
    this(jpegQuality, view, resize, null);
  }

  /** A whole picture with a part outlined. */
  public static ImageSteps outlined(Outline outline) {
    return new ImageSteps(0, BoundingBox.WHOLE, null, outline);
  }

  /** The same steps with a part outlined, or with none. */
  public ImageSteps outlining(@Nullable Outline part) {
    return new ImageSteps(jpegQuality, view, resize, part);
  }

  /** Draws the steps for one use of a row. */
  public static ImageSteps draw(AugmentConfig config, Draw visit) {
    if (visit.isInOrder() || config.equals(AugmentConfig.NONE)) {
      return NONE;
    }
    Draw jpeg = visit.of("jpeg");
    return new ImageSteps(
        jpeg.chance(config.jpeg())
            ? LEAST_QUALITY + jpeg.below(MOST_QUALITY - LEAST_QUALITY + 1)
            : 0,
        view(config.cropArea(), visit.of("crop")),
        config.resize() ? ResizeMethod.draw(visit.of("resize")) : null);
  }

  /** Draws an area between the smallest one and 1, a height that allows it, and any position. */
  private static BoundingBox view(double least, Draw draw) {
    if (least == 1) {
      return BoundingBox.WHOLE;
    }
    double area = least + (1 - least) * draw.uniform();
    double height = area + (1 - area) * draw.uniform();
    double width = area / height;
    double top = (1 - height) * draw.uniform();
    double left = (1 - width) * draw.uniform();
    return new BoundingBox(top, left, top + height, left + width);
  }

  /** Encodes and crops. */
  public Image apply(Image image) throws IOException {
    return apply(image, Jpeg.ACCURATE);
  }

  /**
   * Encodes and crops.
   *
   * @param jpeg how the encoded picture is decoded again
   */
  Image apply(Image image, Jpeg jpeg) throws IOException {
    Image encoded = jpegQuality == 0 ? image : reencoded(image, jpeg);
    if (view.equals(BoundingBox.WHOLE)) {
      return encoded;
    }
    int[] seen = view.pixels(image.height(), image.width());
    int height = seen[2] - seen[0];
    int width = seen[3] - seen[1];
    byte[] rgb = new byte[3 * height * width];
    for (int y = 0; y < height; y++) {
      int from = 3 * ((seen[0] + y) * image.width() + seen[1]);
      System.arraycopy(encoded.rgb(), from, rgb, 3 * y * width, 3 * width);
    }
    return new Image(width, height, rgb);
  }

  /**
   * Java's encoder scales the standard tables by quality and subsamples colour, as libjpeg does.
   */
  private Image reencoded(Image image, Jpeg jpeg) throws IOException {
    BufferedImage picture =
        new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_3BYTE_BGR);
    byte[] bgr = ((DataBufferByte) picture.getRaster().getDataBuffer()).getData();
    for (int i = 0; i < bgr.length; i += 3) {
      bgr[i] = image.rgb()[i + 2];
      bgr[i + 1] = image.rgb()[i + 1];
      bgr[i + 2] = image.rgb()[i];
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
    try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
      writer.setOutput(out);
      ImageWriteParam settings = writer.getDefaultWriteParam();
      settings.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
      settings.setCompressionQuality(jpegQuality / 100f);
      writer.write(null, new IIOImage(picture, null, null), settings);
    } finally {
      writer.dispose();
    }
    return ImageDecoder.decode(bytes.toByteArray(), 0, jpeg, byte[]::new);
  }

  public ImageSteps uncropped() {
    return new ImageSteps(jpegQuality, BoundingBox.WHOLE, resize, outline);
  }
}
