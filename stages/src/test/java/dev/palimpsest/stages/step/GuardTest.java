package dev.palimpsest.stages.step;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.GuardConfig;
import dev.palimpsest.stages.state.GuardState;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class GuardTest {
  private static GuardState remembering(double... losses) {
    GuardState state = GuardState.START;
    for (double loss : losses) {
      state = state.letThrough(loss, 5);
    }
    return state;
  }

  private static Guard guard(GuardConfig.NonFinite nonFinite, GuardConfig.Spike spike) {
    return new Guard(new GuardConfig(nonFinite, spike, 5, 4, 2, 1));
  }

  private static Optional<GuardEvent.Action> action(Guard guard, GuardState state, double loss) {
    return guard.judge(state, loss, 1).map(Guard.Finding::action);
  }

  @Test
  void aSpikeLiesAboveTheMedianByManySpreads() {
    Guard guard = guard(GuardConfig.NonFinite.STOP, GuardConfig.Spike.NOTE);
    // Median 2, absolute deviations 0.4 0.2 0 0.1 0.9: their median is 0.2, the limit
    // 2 + 4 * 1.4826 * 0.2 = 3.186. One outlier among the five does not move it.
    GuardState state = remembering(1.6, 1.8, 2.0, 2.1, 2.9);
    assertEquals(Optional.empty(), action(guard, state, 3.18));
    assertEquals(Optional.of(GuardEvent.Action.NOTE), action(guard, state, 3.19));
    assertEquals(Optional.empty(), action(guard, state, -100));
  }

  @Test
  void aFlatCurveHasASpreadOfOnePercentAtLeast() {
    Guard guard = guard(GuardConfig.NonFinite.STOP, GuardConfig.Spike.SKIP);
    GuardState flat = remembering(2, 2, 2, 2, 2);
    assertEquals(Optional.empty(), action(guard, flat, 2.079));
    assertEquals(Optional.of(GuardEvent.Action.SKIP), action(guard, flat, 2.081));
  }

  @Test
  void nothingSpikesBeforeTheWindowIsFull() {
    Guard guard = guard(GuardConfig.NonFinite.STOP, GuardConfig.Spike.STOP);
    assertEquals(Optional.empty(), action(guard, remembering(1, 1, 1, 1), 1e9));
  }

  @Test
  void theWindowForgetsTheOldest() {
    assertEquals(remembering(9, 1, 2, 3, 4, 5), remembering(1, 2, 3, 4, 5));
  }

  @Test
  void skipsAreLimited() {
    Guard guard = guard(GuardConfig.NonFinite.SKIP, GuardConfig.Spike.IGNORE);
    GuardState state = GuardState.START.withSkip();
    assertEquals(Optional.of(GuardEvent.Action.SKIP), action(guard, state, Double.NaN));
    Guard.Finding third = guard.judge(state.withSkip(), 1, Double.POSITIVE_INFINITY).orElseThrow();
    assertEquals(GuardEvent.Action.STOP, third.action());
    assertTrue(third.what().contains("gradient norm is Infinity"), third.what());
    assertTrue(third.what().contains("guard.maxSkips 2 is used up"), third.what());
  }
}
