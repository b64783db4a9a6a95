package dev.palimpsest.eval.metrics.answers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import dev.palimpsest.eval.metrics.EditDistance;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.registry.Metrics;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ListDistanceTest {
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void theLeastDistanceIsThatOfTheBestOrder(long seed) {
    Random random = new Random(seed);
    for (int n = 0; n < 20; n++) {
      List<String> items = new ArrayList<>();
      for (int i = 2 + random.nextInt(4); i > 0; i--) {
        items.add(word(random, 3));
      }
      String text = random.nextBoolean() ? word(random, 12) : shuffled(items, random) + "x";
      int least = Integer.MAX_VALUE;
      for (List<String> order : orders(items)) {
        least = Math.min(least, EditDistance.of(text, String.join(", ", order)));
      }
      assertEquals(
          OptionalInt.of(least), ListDistance.least(text, String.join(", ", items)), items + text);
    }
  }

  private static String word(Random random, int longest) {
    StringBuilder word = new StringBuilder();
    for (int i = random.nextInt(longest + 1); i > 0; i--) {
      word.append("ab, ".charAt(random.nextInt(4)));
    }
    return word.toString().replace(", ", "c");
  }

  private static String shuffled(List<String> items, Random random) {
    List<String> order = new ArrayList<>(items);
    java.util.Collections.shuffle(order, random);
    return String.join(", ", order);
  }

  private static List<List<String>> orders(List<String> items) {
    if (items.isEmpty()) {
      return List.of(List.of());
    }
    List<List<String>> orders = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      List<String> rest = new ArrayList<>(items);
      String first = rest.remove(i);
      for (List<String> order : orders(rest)) {
        List<String> whole = new ArrayList<>(List.of(first));
        whole.addAll(order);
        orders.add(whole);
      }
    }
    return orders;
  }

  @Test
  void oneItemAndVeryManyAreNoList() {
    assertEquals(OptionalInt.empty(), ListDistance.least("a", "a"));
    assertEquals(OptionalInt.empty(), ListDistance.least("a", "a, b, c, d, e, f, g, h, i, j"));
  }

  @Test
  void nineItemsThatFitNowhereTakeNoTime() {
    String nine = "ab, cd, ef, gh, ij, kl, mn, op, qr";
    assertTimeout(
        Duration.ofSeconds(10),
        () -> ListDistance.least("rq, po, nm, lk, ji, hg, fe, dc, ba", nine));
  }

  @Test
  void aListInAnotherOrderIsRight() {
    List<MetricRecord> records =
        List.of(new MetricRecord("1", "Teal, red", List.of("red, Teal, ", "red, teal")));
    assertEquals(1, Metrics.find("anls:big_vision_any_order").score(records).value());
    assertEquals(0, Metrics.find("anls:big_vision").score(records).value());
  }
}
