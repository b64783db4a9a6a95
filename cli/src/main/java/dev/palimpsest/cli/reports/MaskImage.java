package dev.palimpsest.cli.reports;

import dev.palimpsest.cli.html.Html;
import dev.palimpsest.cli.reports.Inspection.InspectedExample;
import dev.palimpsest.cli.reports.Inspection.Role;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;

/**
 * An attention mask as a picture: a row for each query, a column for each key. The image tokens of
 * an example all see the same, so they share a few rows and columns.
 */
final class MaskImage {
  private static final int IMAGE_CELLS = 24;
  private static final int WIDEST = 1100;
  private static final int IMAGE = 0xff2f9e8f;
  private static final int PREFIX = 0xff3b78d8;
  private static final int SUFFIX = 0xffd9822b;
  private static final int PADDING = 0xffb8bec6;
  private static final int HIDDEN = 0x14808080;

  private MaskImage() {}

  /**
   * A token, or several of them, in the picture.
   *
   * @param token index in the sequence
   * @param colour of what it sees
   */
  private record Cell(int token, int colour) {}

  /** A PNG as a data URI. */
  static String uri(InspectedExample example, int imageTokens) {
    List<Cell> cells = cells(example, imageTokens);
    int size = Math.max(1, Math.min(10, WIDEST / cells.size()));
    int side = size * cells.size();
    int gap = size > 3 ? 1 : 0;
    BufferedImage image = new BufferedImage(side, side, BufferedImage.TYPE_INT_ARGB);
    for (int row = 0; row < cells.size(); row++) {
      for (int column = 0; column < cells.size(); column++) {
        boolean sees = example.visible()[cells.get(row).token][cells.get(column).token];
        int colour = sees ? cells.get(row).colour : HIDDEN;
        for (int y = 0; y < size - gap; y++) {
          for (int x = 0; x < size - gap; x++) {
            image.setRGB(column * size + x, row * size + y, colour);
          }
        }
      }
    }
    return Html.png(image);
  }

  private static List<Cell> cells(InspectedExample example, int imageTokens) {
    int images = example.pictures().size() * imageTokens;
    int shown = Math.min(images, IMAGE_CELLS);
    List<Cell> cells = new ArrayList<>();
    for (int i = 0; i < shown; i++) {
      cells.add(new Cell((int) ((long) images * i / shown), IMAGE));
    }
    int texts = example.visible().length - images;
    for (int i = 0; i < texts; i++) {
      Role role = example.tokens().get(i).role();
      cells.add(
          new Cell(
              images + i,
              switch (role) {
                case BOS, PREFIX, SEPARATOR -> PREFIX;
                case SUFFIX, EOS -> SUFFIX;
                case PADDING -> PADDING;
              }));
    }
    return cells;
  }
}
