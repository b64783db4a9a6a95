package dev.palimpsest.mixtures.codecs;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What an answer to {@code detect} or {@code segment} names: {@code
 * <loc0205><loc0102><loc0921><loc0512> dog ; <loc0818>...}. Models write malformed text; whatever
 * is readable is read, and the rest is reported.
 *
 * @param objects in the order of the text
 * @param skipped parts that do not name an object, each with the reason
 */
public record DetectionText(List<Found> objects, List<Skipped> skipped) {
  private static final Pattern TOKENS = Pattern.compile("((?:<loc\\d{4}>)++)((?:<seg\\d{3}>)*+)");
  private static final int LOCATION = "<loc0000>".length();
  private static final int SEGMENT = "<seg000>".length();

  /** Keeps unmodifiable copies. */
  public DetectionText {
    objects = List.copyOf(objects);
    skipped = List.copyOf(skipped);
  }

  /**
   * An object.
   *
   * @param bins of its box: ymin, xmin, ymax, xmax
   * @param codes of its mask, sixteen, if the text has them
   * @param label possibly empty
   */
  public record Found(int[] bins, Optional<int[]> codes, String label) {
    /** Its box. */
    public BoundingBox box() {
      return LocationTokens.decode(bins);
    }
  }

  /** Text that does not name an object. */
  public record Skipped(String text, String reason) {}

  /** Reads an answer; never fails. */
  public static DetectionText parse(String text) {
    List<Found> objects = new ArrayList<>();
    List<Skipped> skipped = new ArrayList<>();
    for (String part : text.split(";", -1)) {
      Matcher tokens = TOKENS.matcher(part);
      int start = tokens.find() ? tokens.start() : part.length();
      if (!part.substring(0, start).isBlank()) {
        skipped.add(new Skipped(part.substring(0, start).strip(), "no location tokens"));
      }
      while (start < part.length()) {
        String locations = tokens.group(1);
        String segments = tokens.group(2);
        int label = tokens.end();
        // If a separator is missing, the label ends at the next box.
        int end = tokens.find() ? tokens.start() : part.length();
        String reason = defect(locations, segments);
        if (reason.isEmpty()) {
          objects.add(
              new Found(
                  LocationTokens.leading(locations).orElseThrow(),
                  SegmentationTokens.leading(segments),
                  part.substring(label, end).strip()));
        } else {
          skipped.add(new Skipped(part.substring(start, end).strip(), reason));
        }
        start = end;
      }
    }
    return new DetectionText(objects, skipped);
  }

  /** Why tokens do not form an object; empty if they do. */
  private static String defect(String locations, String segments) {
    int count = locations.length() / LOCATION;
    if (count != 4) {
      return count + " location tokens where 4 belong";
    }
    Optional<int[]> bins = LocationTokens.leading(locations);
    if (bins.isEmpty()) {
      return "a location above 1023";
    }
    if (LocationTokens.decode(bins.get()).isEmpty()) {
      return "an empty box";
    }
    int codes = segments.length() / SEGMENT;
    if (codes != 0 && codes != SegmentationTokens.LENGTH) {
      return codes + " segmentation tokens where 16 belong";
    }
    return codes > 0 && SegmentationTokens.leading(segments).isEmpty()
        ? "a segmentation code above 127"
        : "";
  }
}
