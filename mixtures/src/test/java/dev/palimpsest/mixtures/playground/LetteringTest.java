package dev.palimpsest.mixtures.playground;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.geom.Area;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LetteringTest {
  private static final String ALL = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

  @Test
  void everyCapitalHasTheHeightThatWasAskedFor() {
    for (int i = 0; i < ALL.length(); i++) {
      char c = ALL.charAt(i);
      Rectangle2D bounds = Lettering.ink(String.valueOf(c), 28).getBounds2D();
      // Slanted ends reach a little over the line or stay a little below it.
      assertEquals(28, bounds.getHeight(), 1.7, "height of " + c);
      assertEquals(0, bounds.getCenterY(), 0.9, "middle of " + c);
    }
  }

  @Test
  void noTwoGlyphsLookAlike() {
    List<Area> areas = new ArrayList<>();
    for (int i = 0; i < ALL.length(); i++) {
      char c = ALL.charAt(i);
      Area area = new Area(Lettering.ink(String.valueOf(c), 28));
      for (int other = 0; other < areas.size(); other++) {
        Area difference = new Area(area);
        difference.exclusiveOr(areas.get(other));
        assertTrue(pixels(difference) > 12, c + " looks like " + ALL.charAt(other));
      }
      areas.add(area);
    }
  }

  @Test
  void aCharacterThatTheFontLacksIsNamed() {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> Lettering.ink("Aé", 10));
    assertTrue(e.toString().contains("'é'"), e.toString());
  }

  private static int pixels(Area area) {
    int count = 0;
    for (int y = -20; y < 20; y++) {
      for (int x = -20; x < 20; x++) {
        count += area.contains(x + 0.5, y + 0.5) ? 1 : 0;
      }
    }
    return count;
  }
}
