package dev.palimpsest.cli.html;

import dev.palimpsest.files.Escape;
import dev.palimpsest.mixtures.codecs.BoundingBox;
import dev.palimpsest.mixtures.codecs.DetectionText;
import dev.palimpsest.mixtures.codecs.SegmentationTokens;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An object named in an example's text, drawn over its picture.
 *
 * @param box in fractions of the picture
 * @param label possibly empty
 * @param mask float32 [64, 64] over the box, above 0 inside; absent if the text has none or there
 *     is no codec to decode it
 */
public record Overlay(BoundingBox box, String label, Optional<float[]> mask) {
  private static final int OPAQUE = 0x99;

  /**
   * The objects in some texts, in their order; malformed ones are left out.
   *
   * @param codec decodes segmentation tokens to masks
   */
  public static List<Overlay> of(@Nullable SegmentationTokens codec, String... texts) {
    return Stream.of(texts)
        .flatMap(text -> DetectionText.parse(text).objects().stream())
        .map(
            found ->
                new Overlay(
                    found.box(),
                    found.label(),
                    codec == null ? Optional.empty() : found.codes().map(codec::decode)))
        .toList();
  }

  /** Renders them as elements over the picture; hues vary so that neighbours differ. */
  public String html(int number) {
    int hue = (number * 137 + 50) % 360;
    String place =
        Html.format(
            "top:%.2f%%;left:%.2f%%;width:%.2f%%;height:%.2f%%",
            100 * box.top(),
            100 * box.left(),
            100 * (box.right() - box.left()),
            100 * (box.bottom() - box.top()));
    String inside = (box.top() < 0.12 ? " under" : "") + (box.left() > 0.6 ? " left" : "");
    return mask.map(
                values ->
                    Html.format(
                        "<img class=\"mask\" alt=\"\" style=\"%s\" src=\"%s\">",
                        place, png(values, hue)))
            .orElse("")
        + Html.format(
            "<span class=\"frame%s\" style=\"--hue:%d;%s\">%s</span>",
            inside, hue, place, label.isEmpty() ? "" : "<b>" + Escape.html(label) + "</b>");
  }

  private static String png(float[] mask, int hue) {
    int side = SegmentationTokens.SIDE;
    BufferedImage image = new BufferedImage(side, side, BufferedImage.TYPE_INT_ARGB);
    int colour = java.awt.Color.HSBtoRGB(hue / 360f, 0.9f, 1f) & 0xffffff;
    for (int y = 0; y < side; y++) {
      for (int x = 0; x < side; x++) {
        image.setRGB(x, y, mask[y * side + x] > 0 ? OPAQUE << 24 | colour : 0);
      }
    }
    return Html.png(image);
  }
}
