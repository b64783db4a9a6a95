package dev.palimpsest.cli.reports;

import dev.palimpsest.cli.html.Html;
import dev.palimpsest.cli.html.Overlay;
import dev.palimpsest.cli.html.Pictures;
import dev.palimpsest.cli.html.Thumbnail;
import dev.palimpsest.files.Escape;
import dev.palimpsest.mixtures.codecs.SegmentationTokens;
import dev.palimpsest.mixtures.images.ImageDecoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A question with its picture, and answers beside each other, with their boxes and masks. An item
 * of a list of class {@code asked}.
 */
final class QuestionCard {
  private static final int LONGEST = 240;

  private QuestionCard() {}

  /**
   * Renders a question.
   *
   * @param codec decodes segmentation tokens to masks
   * @param references accepted answers
   * @param picture name of its file; not shown if there is none of that name
   * @param answers by the name of who, or what moment, gave them
   */
  static String html(
      @Nullable SegmentationTokens codec,
      String id,
      String prompt,
      List<String> references,
      String picture,
      Map<String, String> answers) {
    StringBuilder out = new StringBuilder("<li><div class=\"question\">");
    String right = String.join("\n", references);
    String uri = uri(picture);
    boolean drawn = !Overlay.of(codec, right).isEmpty();
    if (!uri.isEmpty()) {
      out.append(framed(uri, "The picture of " + id, Overlay.of(codec, prompt, right)));
    }
    out.append("<div class=\"words\"><p class=\"prefix\">")
        .append(Pictures.words(prompt))
        .append("</p><p class=\"suffix\">")
        .append(Pictures.words(right))
        .append("</p></div></div>\n<ol class=\"answers\">");
    answers.forEach(
        (who, text) -> {
          List<Overlay> objects = Overlay.of(codec, text);
          out.append(
              Html.format(
                  "<li class=\"%s\"><span class=\"moment\">%s</span>",
                  references.contains(text) ? "right" : "wrong", Escape.html(who)));
          if (drawn && !uri.isEmpty()) {
            out.append(framed(uri, "With the boxes of the answer of " + who, objects));
          }
          out.append("<span class=\"answer\">")
              .append(text.isBlank() ? "<i>nothing</i>" : Pictures.words(shortened(text)))
              .append("</span></li>\n");
        });
    return out.append("</ol></li>\n").toString();
  }

  private static String shortened(String text) {
    return text.length() <= LONGEST ? text : text.substring(0, LONGEST) + "…";
  }

  /** The picture as a data URI; empty if it is not in a file of its own. */
  private static String uri(String file) {
    if (file.isEmpty() || !Files.isRegularFile(Path.of(file))) {
      return "";
    }
    try {
      return Thumbnail.uri(ImageDecoder.decode(Files.readAllBytes(Path.of(file))));
    } catch (IOException e) {
      return "";
    }
  }

  private static String framed(String uri, String alt, List<Overlay> objects) {
    StringBuilder html =
        new StringBuilder(
            Html.format(
                "<div class=\"picture\"><img alt=\"%s\" src=\"%s\">", Escape.html(alt), uri));
    for (int i = 0; i < objects.size(); i++) {
      html.append(objects.get(i).html(i));
    }
    return html.append("</div>").toString();
  }
}
