package dev.palimpsest.mixtures;

import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.io.IOException;
import java.util.Arrays;
import javax.imageio.ImageReader;
import javax.imageio.metadata.IIOMetadata;
import javax.imageio.metadata.IIOMetadataNode;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * Frames of a GIF file as they are seen: every frame is drawn over what the ones before left
 * (GIF89a, section 23). What no frame has drawn yet is black; the first frame keeps the colours
 * under its transparent pixels, as Pillow's {@code convert("RGB")} does.
 */
final class GifFrames {
  private GifFrames() {}

  static Image decode(ImageReader reader, int frame) throws IOException {
    Element screen = tree(reader.getStreamMetadata());
    int width = number(screen, "LogicalScreenDescriptor", "logicalScreenWidth");
    int height = number(screen, "LogicalScreenDescriptor", "logicalScreenHeight");
    if (width < 1 || height < 1) {
      return ImageDecoder.rgb(reader.read(frame));
    }
    ImageDecoder.requirePixels(width, height);
    byte[] canvas = new byte[3 * width * height];
    for (int i = 0; i <= frame; i++) {
      ImageDecoder.requirePixels(reader.getWidth(i), reader.getHeight(i));
      Element head = tree(reader.getImageMetadata(i));
      String disposal = text(head, "GraphicControlExtension", "disposalMethod");
      byte[] before = disposal.equals("restoreToPrevious") ? canvas.clone() : canvas;
      BufferedImage image = reader.read(i);
      int left = number(head, "ImageDescriptor", "imageLeftPosition");
      int top = number(head, "ImageDescriptor", "imageTopPosition");
      draw(image, i > 0, left, top, width, height, canvas);
      if (i < frame) {
        if (disposal.equals("restoreToBackgroundColor")) {
          clear(left, top, image, width, height, canvas);
        }
        canvas = before;
      }
    }
    return new Image(width, height, canvas);
  }

  private static void draw(
      BufferedImage image,
      boolean transparency,
      int left,
      int top,
      int width,
      int height,
      byte[] canvas)
      throws IOException {
    Image rgb = ImageDecoder.rgb(image);
    int transparent =
        transparency && image.getColorModel() instanceof IndexColorModel palette
            ? palette.getTransparentPixel()
            : -1;
    int columns = Math.min(rgb.width(), width - left);
    for (int y = 0; y < Math.min(rgb.height(), height - top); y++) {
      for (int x = 0; x < columns; x++) {
        if (transparent < 0 || image.getRaster().getSample(x, y, 0) != transparent) {
          System.arraycopy(
              rgb.rgb(), 3 * (y * rgb.width() + x), canvas, 3 * ((y + top) * width + x + left), 3);
        }
      }
    }
  }

  private static void clear(
      int left, int top, BufferedImage image, int width, int height, byte[] canvas) {
    int right = Math.min(width, left + image.getWidth());
    for (int y = top; y < Math.min(height, top + image.getHeight()) && left < right; y++) {
      Arrays.fill(canvas, 3 * (y * width + left), 3 * (y * width + right), (byte) 0);
    }
  }

  private static Element tree(IIOMetadata metadata) {
    return (IIOMetadataNode) metadata.getAsTree(metadata.getNativeMetadataFormatName());
  }

  private static String text(Element tree, String node, String attribute) {
    NodeList found = tree.getElementsByTagName(node);
    return found.getLength() == 0 ? "" : ((Element) found.item(0)).getAttribute(attribute);
  }

  private static int number(Element tree, String node, String attribute) {
    String text = text(tree, node, attribute);
    return text.isEmpty() ? 0 : Integer.parseInt(text);
  }
}
