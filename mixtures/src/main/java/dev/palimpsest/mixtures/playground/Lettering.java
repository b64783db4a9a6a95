package dev.palimpsest.mixtures.playground;

import java.awt.BasicStroke;
import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.awt.geom.Path2D;

/**
 * A monospaced stroke font, A to Z and 0 to 9, so that printed words do not depend on installed
 * fonts.
 *
 * <p>A glyph is a list of open lines; a point is two digits, x then y, on a grid 4 wide and 6 high
 * whose y grows downwards: {@code "000646"} is an L. With a stroke one unit thick, a capital is 7
 * units high and 5 wide.
 */
final class Lettering {
  private static final double CAP_UNITS = 7;
  private static final double ADVANCE_UNITS = 6;

  private static final String[] LETTERS = {
    "0602204246 0444", // A
    "06003041423303 3344453606",
    "4130100105163645",
    "06003041453606",
    "40000646 0333",
    "400006 0333",
    "413010010516364543 4323",
    "0006 4046 0343",
    "1030 2026 1636",
    "4045361605",
    "0006 4003 0346",
    "000646",
    "0600234046",
    "06004640",
    "100105163645413010",
    "06003041423303",
    "100105163645413010 2446",
    "06003041423303 2346",
    "413010010213334445361605",
    "0040 2026",
    "000516364540",
    "0004264440",
    "0006244640",
    "0046 4006",
    "002340 2326",
    "00400646", // Z
  };

  private static final String[] DIGITS = {
    "100105163645413010 1432", // 0
    "112026 1636",
    "01103041420646",
    "0110304142334445361605 1333",
    "36300444",
    "400002324345361605",
    "413010010516364544331304",
    "004016",
    "13020110304142331304051636454433",
    "051636454130100102133342", // 9
  };

  private Lettering() {}

  /**
   * The outline of a word, centred on (0, 0).
   *
   * @param capHeight height of a capital, in pixels
   * @throws IllegalArgumentException for anything but A to Z and 0 to 9
   */
  static Shape ink(String word, double capHeight) {
    Path2D lines = new Path2D.Double();
    for (int i = 0; i < word.length(); i++) {
      for (String line : glyph(word.charAt(i)).split(" ")) {
        for (int p = 0; p < line.length(); p += 2) {
          double x = line.charAt(p) - '0' - 2 + ADVANCE_UNITS * (i - (word.length() - 1) / 2.0);
          double y = line.charAt(p + 1) - '0' - 3;
          if (p == 0) {
            lines.moveTo(x, y);
          } else {
            lines.lineTo(x, y);
          }
        }
      }
    }
    Shape ink =
        new BasicStroke(1, BasicStroke.CAP_SQUARE, BasicStroke.JOIN_ROUND)
            .createStrokedShape(lines);
    double unit = capHeight / CAP_UNITS;
    return AffineTransform.getScaleInstance(unit, unit).createTransformedShape(ink);
  }

  private static String glyph(char c) {
    if (c >= 'A' && c <= 'Z') {
      return LETTERS[c - 'A'];
    }
    if (c >= '0' && c <= '9') {
      return DIGITS[c - '0'];
    }
    throw new IllegalArgumentException("the drawn font has A to Z and 0 to 9, not '" + c + "'");
  }
}
