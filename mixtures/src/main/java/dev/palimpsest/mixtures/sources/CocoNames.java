package dev.palimpsest.mixtures.sources;

import java.util.Locale;

/** COCO's names of pictures. */
public final class CocoNames {
  private CocoNames() {}

  /**
   * A picture's file name: until 2015 with the subset, later only the number.
   *
   * @param subset {@code data_subtype} of VQA's files, such as {@code val2014}; may be empty
   * @param image its id
   */
  public static String picture(String subset, String image) {
    String number =
        image.matches("\\d{1,12}")
            ? String.format(Locale.ROOT, "%012d", Long.parseLong(image))
            : image;
    return subset.matches("(train|val)2014|test2015")
        ? "COCO_" + subset + "_" + number + ".jpg"
        : number + ".jpg";
  }
}
