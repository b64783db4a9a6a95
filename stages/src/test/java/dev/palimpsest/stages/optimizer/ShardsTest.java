package dev.palimpsest.stages.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.types.Shape;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.model.ranks.Parts;
import dev.palimpsest.model.ranks.RankGrid;
import java.lang.reflect.Proxy;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ShardsTest {
  private static final long PIECE = 10;

  /** A group of which only rank and size are asked for. */
  private static Collectives group(int rank, int size) {
    return (Collectives)
        Proxy.newProxyInstance(
            ShardsTest.class.getClassLoader(),
            new Class<?>[] {Collectives.class},
            (self, method, args) ->
                switch (method.getName()) {
                  case "rank" -> rank;
                  case "size" -> size;
                  default -> throw new UnsupportedOperationException(method.getName());
                });
  }

  private static Shards divided(int rank, int size, Map<String, Shape> shapes) {
    return new Shards(RankGrid.of(group(rank, size), 0, false), shapes, PIECE, false);
  }

  @Test
  void partsAreWholePiecesAndCoverTheArray() {
    Map<String, Shape> shapes = Map.of("table", new Shape(9, 7));
    Parts parts = divided(0, 4, shapes).parts("table");
    assertEquals(63, parts.total());
    for (int r = 0; r < 4; r++) {
      assertTrue(parts.from(r) % PIECE == 0 || parts.from(r) == 63, parts.toString());
      assertTrue(parts.length(r) <= 2 * PIECE, parts.toString());
    }
  }

  @Test
  void ranksHaveEquallyMuchAlsoOfManySmallArrays() {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    for (int i = 0; i < 30; i++) {
      shapes.put("bias" + i, new Shape(10));
    }
    long[] all = new long[3];
    for (int r = 0; r < 3; r++) {
      Shards shards = divided(r, 3, shapes);
      all[r] = shapes.keySet().stream().mapToLong(shards::length).sum();
    }
    assertEquals(List.of(100L, 100L, 100L), List.of(all[0], all[1], all[2]));
  }

  @Test
  void everyRankDividesAlike() {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    shapes.put("a", new Shape(25));
    shapes.put("b", new Shape(3, 5));
    shapes.put("c", new Shape(1));
    for (String name : shapes.keySet()) {
      assertEquals(divided(0, 2, shapes).parts(name), divided(1, 2, shapes).parts(name), name);
    }
  }
}
