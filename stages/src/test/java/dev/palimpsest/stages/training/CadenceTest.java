package dev.palimpsest.stages.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class CadenceTest {
  @Test
  void dueAtTheFirstStepThatReachesAMultiple() {
    long[] due =
        LongStream.rangeClosed(1, 10)
            .map(step -> step * 32)
            .filter(n -> Cadence.due(100, 32, n, false))
            .toArray();
    assertEquals("[128, 224, 320]", java.util.Arrays.toString(due));
  }

  @Test
  void withoutCadenceTheCallerDecides() {
    assertTrue(Cadence.due(0, 32, 64, true));
    assertFalse(Cadence.due(0, 32, 64, false));
  }
}
