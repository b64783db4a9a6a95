package dev.palimpsest.cli.html;

import dev.palimpsest.files.Escape;
import dev.palimpsest.mixtures.codecs.SegmentationTokens;
import dev.palimpsest.mixtures.images.Image;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.images.ImageSteps;
import dev.palimpsest.mixtures.tasks.Example;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Renders an example's pictures and texts for a page. */
public final class Pictures {
  private Pictures() {}

  /**
   * The pictures side by side, cropped as for this use, with boxes and masks of prompt and target
   * over the first.
   *
   * @param codec decodes segmentation tokens to masks
   */
  public static String of(Example example, @Nullable SegmentationTokens codec) {
    if (example.images().isEmpty()) {
      return "<div class=\"none\">no picture</div>\n";
    }
    StringBuilder html = new StringBuilder("<div class=\"pictures\">");
    for (int i = 0; i < example.images().size(); i++) {
      List<Overlay> objects =
          i == 0 ? Overlay.of(codec, example.prefix(), example.suffix()) : List.of();
      String alt =
          "Picture %d of %d of %s%s"
              .formatted(
                  i + 1,
                  example.images().size(),
                  example.id(),
                  objects.isEmpty() ? "" : ", with " + describe(objects));
      html.append(one(example.images().get(i), example.steps(), alt, objects));
    }
    return html.append("</div>\n").toString();
  }

  private static String describe(List<Overlay> boxes) {
    return boxes.size() == 1
        ? "a box" + (boxes.get(0).label().isEmpty() ? "" : ": " + boxes.get(0).label())
        : boxes.size()
            + " boxes: "
            + String.join(", ", boxes.stream().map(Overlay::label).toList());
  }

  /** One picture with its overlay, or a note if it cannot be read. */
  public static String one(
      ImageReference image, ImageSteps steps, String alt, List<Overlay> boxes) {
    Image picture;
    try {
      picture = steps.apply(image.decode());
    } catch (IOException e) {
      return "<div class=\"none\">"
          + Escape.html(image.name() + ": " + e.getMessage())
          + "</div>\n";
    }
    StringBuilder html =
        new StringBuilder(
            Html.format(
                "<div class=\"picture\"><img loading=\"lazy\" width=\"%d\" height=\"%d\" alt=\"%s\""
                    + " src=\"%s\">",
                picture.width(), picture.height(), Escape.html(alt), Thumbnail.uri(picture)));
    for (int i = 0; i < boxes.size(); i++) {
      html.append(boxes.get(i).html(i));
    }
    return html.append("</div>").toString();
  }

  /** A text with small location and segmentation tokens and visible line breaks. */
  public static String words(String text) {
    return Escape.html(text)
        .replaceAll("((?:&lt;(?:loc\\d{4}|seg\\d{3})&gt;)++)", "<span class=\"code\">$1</span>")
        .replace("\n", "<span class=\"mark\" title=\"line break\">⏎</span><br>");
  }
}
