package dev.palimpsest.stages.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.ParameterGroupConfig;
import dev.palimpsest.configs.ScheduleConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ParameterGroupsTest {
  private static final List<String> NAMES =
      List.of(
          "vision/norm/scale",
          "vision/blocks/0/mlp/in/kernel",
          "connector/kernel",
          "language/norm/scale");

  private static OptimizerConfig optimizer(ParameterGroupConfig... groups) {
    return new OptimizerConfig(
        0.1,
        0.9,
        0.999,
        1e-8,
        1,
        0,
        ".*/kernel",
        new ScheduleConfig.Constant(0, 0),
        List.of(groups),
        null,
        null);
  }

  private static ParameterGroupConfig group(
      String pattern, double multiplier, @Nullable ScheduleConfig schedule, boolean frozen) {
    return new ParameterGroupConfig(pattern, multiplier, schedule, frozen);
  }

  @Test
  void theFirstPatternThatMatchesTheWholeNameWins() {
    ParameterGroups groups =
        ParameterGroups.of(
            optimizer(group("vision/.*", 0.5, null, false), group(".*", 1, null, false)),
            NAMES,
            100);
    assertEquals(2, groups.groups().get(0).members().size());
    assertEquals(0.05, groups.groups().get(0).learningRate(), 1e-12);
    assertEquals(2, groups.groups().get(1).members().size());
  }

  @Test
  void aGroupCanHaveItsOwnSlowWarmUp() {
    ParameterGroups groups =
        ParameterGroups.of(
            optimizer(
                group("vision/.*", 1, new ScheduleConfig.Constant(1000, 0), false),
                group(".*", 1, null, false)),
            NAMES,
            5000);
    assertEquals(0.1, groups.groups().get(0).schedule().factor(100), 1e-12);
    assertEquals(1, groups.groups().get(1).schedule().factor(100), 1e-12);
  }

  @Test
  void frozenGroupsDoNotTrain() {
    ParameterGroups groups =
        ParameterGroups.of(
            optimizer(group("vision/.*", 1, null, true), group(".*", 1, null, false)), NAMES, 100);
    assertFalse(groups.trains("vision/norm/scale"));
    assertTrue(groups.trains("connector/kernel"));
    assertEquals(List.of("connector/kernel", "language/norm/scale"), groups.trained());
  }

  @Test
  void onlyKernelsDecayByDefault() {
    ParameterGroups groups = ParameterGroups.of(optimizer(group(".*", 1, null, false)), NAMES, 100);
    assertEquals(
        List.of("vision/blocks/0/mlp/in/kernel", "connector/kernel"),
        groups.groups().get(0).members().stream()
            .filter(ParameterGroups.Member::decays)
            .map(ParameterGroups.Member::name)
            .toList());
  }

  @Test
  void orphansAndEmptyGroupsAreNamedAtOnce() {
    InvalidConfigException e =
        assertThrows(
            InvalidConfigException.class,
            () ->
                ParameterGroups.of(
                    optimizer(
                        group("vison/.*", 1, null, false), group("vision/.*", 1, null, false)),
                    NAMES,
                    100));
    assertEquals(2, e.problems().size());
    assertTrue(String.valueOf(e.getMessage()).contains("connector/kernel"), e::getMessage);
    assertTrue(String.valueOf(e.getMessage()).contains("vison/.*"), e::getMessage);
  }
}
