package dev.palimpsest.cli.certify;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.mixtures.codecs.BoundingBox;
import dev.palimpsest.mixtures.codecs.DetectionText;
import dev.palimpsest.mixtures.codecs.LocationTokens;
import dev.palimpsest.mixtures.codecs.SegmentationTokens;
import java.util.Arrays;
import java.util.List;

/** Boxes as location tokens, and parsing of answers. */
final class BoxCodecChecks {
  private BoxCodecChecks() {}

  /** Cases of boxes. */
  static CaseKind kind() {
    return new JsonCase(
        "box tokens",
        List.of(
            new JsonCase.Part("loc.json", (file, manager, kernels, report) -> all(file, report)),
            new JsonCase.Part(
                "parse.json", (file, manager, kernels, report) -> parsed(file, report))));
  }

  private static void all(JsonNode file, Report report) {
    report.part("boxes", () -> boxes(file.required("boxes"), report));
    report.part("pixel boxes", () -> pixels(file.path("pixel_boxes"), report));
  }

  private static void parsed(JsonNode file, Report report) {
    report.part("answers", () -> answers(file.path("parse"), report));
    report.part("validity of masks", () -> validity(file.path("seg_validity"), report));
  }

  private static void boxes(JsonNode list, Report report) {
    double tokens = 0;
    double strings = 0;
    double decoded = 0;
    for (JsonNode example : list) {
      double[] box = Values.of(example.required("box_f32"));
      BoundingBox given = new BoundingBox(box[0], box[1], box[2], box[3]);
      int[] bins = LocationTokens.bins(given);
      tokens += Values.differing(Values.of(bins), Values.of(example.required("tokens")));
      strings += differs(LocationTokens.encode(given), example.required("string").asText());
      decoded =
          Math.max(decoded, Values.absolute(corners(bins), Values.of(example.required("decoded"))));
    }
    report.check("box -> tokens", tokens, Tolerance.EXACT, list.size() + " boxes");
    report.check("box -> text", strings, Tolerance.EXACT, list.size() + " boxes");
    report.check("tokens -> box", decoded, Tolerance.PIXEL, list.size() + " boxes");
  }

  private static double[] corners(int[] bins) {
    BoundingBox box = LocationTokens.decode(bins);
    return new double[] {box.top(), box.left(), box.bottom(), box.right()};
  }

  private static void pixels(JsonNode list, Report report) {
    double strings = 0;
    double decoded = 0;
    for (JsonNode example : list) {
      double[] box = Values.of(example.required("pixel_box_y1x1y2x2"));
      double height = example.required("height").asDouble();
      double width = example.required("width").asDouble();
      BoundingBox given =
          new BoundingBox(box[0] / height, box[1] / width, box[2] / height, box[3] / width);
      strings += differs(LocationTokens.encode(given), example.required("string").asText());
      double[] shares = corners(LocationTokens.bins(given));
      double[] truncated = {
        (int) (shares[0] * height),
        (int) (shares[1] * width),
        (int) (shares[2] * height),
        (int) (shares[3] * width)
      };
      decoded +=
          Values.differing(truncated, Values.of(example.required("decoded_pixels_truncated")));
    }
    if (!list.isEmpty()) {
      report.check("pixels -> text", strings, Tolerance.EXACT, list.size() + " boxes");
      report.check("tokens -> pixels", decoded, Tolerance.EXACT, list.size() + " boxes");
    }
  }

  private static void answers(JsonNode list, Report report) {
    double differing = 0;
    for (JsonNode example : list) {
      List<DetectionText.Found> found =
          DetectionText.parse(example.required("text").asText()).objects();
      JsonNode objects = example.required("objects");
      differing += Math.abs(found.size() - objects.size());
      for (int i = 0; i < Math.min(found.size(), objects.size()); i++) {
        differing += differs(found.get(i).label(), objects.get(i).required("label").asText());
        differing += same(found.get(i).bins(), objects.get(i).required("loc")) ? 0 : 1;
        differing +=
            same(found.get(i).codes().orElse(new int[0]), objects.get(i).required("seg")) ? 0 : 1;
      }
    }
    report.check("answers -> objects", differing, Tolerance.EXACT, list.size() + " answers");
  }

  private static void validity(JsonNode list, Report report) {
    double differing = 0;
    for (JsonNode example : list) {
      String text = example.required("text").asText();
      boolean valid =
          LocationTokens.leading(text)
              .filter(bins -> !LocationTokens.decode(bins).isEmpty())
              .flatMap(bins -> SegmentationTokens.leading(text.substring(4 * 9)))
              .isPresent();
      differing += valid == example.required("valid").asBoolean() ? 0 : 1;
    }
    report.check("masks that count", differing, Tolerance.EXACT, list.size() + " answers");
  }

  private static boolean same(int[] actual, JsonNode expected) {
    return Arrays.equals(Values.of(actual), Values.of(expected));
  }

  private static double differs(String actual, String expected) {
    return actual.equals(expected) ? 0 : 1;
  }
}
