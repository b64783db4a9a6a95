package dev.palimpsest.eval.benchmarks;

import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import dev.palimpsest.mixtures.formats.Csv;
import dev.palimpsest.mixtures.images.Turn;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Open Images' table of pictures that are stored rotated, which TextVQA's authors ask users to
 * apply (https://storage.googleapis.com/openimages/2018_04/train/, file
 * train-images-boxable-with-rotation.csv). big_vision applies it (datasets/textvqa/textvqa.py,
 * lines 120 to 178). Few of its millions of rows rotate anything, and only those are kept:
 *
 * <pre>
 * ImageID,Subset,OriginalURL,OriginalLandingURL,License,...,Thumbnail300KURL,Rotation
 * 000002b66c9c498e,train,https://...,https://...,https://...,...,,270.0
 * </pre>
 */
final class RotationTable {
  private static final String ID = "ImageID";
  private static final String ROTATION = "Rotation";

  private final Map<String, Turn> turns;

  private RotationTable(Map<String, Turn> turns) {
    this.turns = turns;
  }

  /**
   * Reads a table.
   *
   * @throws BenchmarkFormatException when it lacks a column, or a rotation is not a multiple of 90
   *     degrees
   */
  static RotationTable read(Path file) throws IOException {
    Map<String, Turn> turns = new HashMap<>();
    int[] columns = {-1, -1};
    Csv.scan(
        file,
        (start, end, cells) -> {
          if (columns[0] < 0) {
            columns[0] = cells.indexOf(ID);
            columns[1] = cells.indexOf(ROTATION);
            if (columns[0] < 0 || columns[1] < 0) {
              throw new BenchmarkFormatException(
                  "%s:1: expected a header with %s and %s, got %s"
                      .formatted(file, ID, ROTATION, cells));
            }
            return;
          }
          if (cells.size() > Math.max(columns[0], columns[1])) {
            Turn turn = turn(file, cells.get(columns[0]), cells.get(columns[1]));
            if (turn != Turn.NONE) {
              turns.put(cells.get(columns[0]), turn);
            }
          }
        });
    return new RotationTable(turns);
  }

  /** Degrees counterclockwise; an empty cell means that nobody looked at the picture. */
  private static Turn turn(Path file, String image, String degrees) {
    return switch (degrees.strip().replaceFirst("\\.0+$", "")) {
      case "", "0", "360" -> Turn.NONE;
      case "90" -> Turn.COUNTERCLOCKWISE;
      case "180" -> Turn.HALF;
      case "270" -> Turn.CLOCKWISE;
      default ->
          throw new BenchmarkFormatException(
              "%s: %s of %s must be 0, 90, 180 or 270, got %s"
                  .formatted(file, ROTATION, image, degrees));
    };
  }

  /** How a picture must be turned to be upright. */
  Turn of(String image) {
    return turns.getOrDefault(image, Turn.NONE);
  }
}
