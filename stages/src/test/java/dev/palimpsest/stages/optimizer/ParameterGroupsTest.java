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
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ParameterGroupsTest {
  private static final List<String> NAMES =
      List.of(
          "vision/norm/scale",
          "vision/blocks/0/mlp/in/kernel",
          "connector/kernel",
          "language/norm/scale");

  private static final ParameterGroupConfig FROZEN = new ParameterGroupConfig(null, 1, null, true);

  private static ParameterGroups groups(Map<String, ParameterGroupConfig> groups) {
    OptimizerConfig optimizer =
        new OptimizerConfig(
            0.1,
            0.9,
            0.999,
            1e-8,
            1,
            0,
            ".*/kernel",
            new ScheduleConfig.Constant(0, 0),
            groups,
            null,
            null);
    return ParameterGroups.of(optimizer, NAMES, 5000);
  }

  private static ParameterGroupConfig group(@Nullable String pattern, double multiplier) {
    return new ParameterGroupConfig(pattern, multiplier, null, false);
  }

  @Test
  void aPartsNameIsItsPatternAndWhatNoGroupTakesBelongsToTheOthers() {
    ParameterGroups groups = groups(Map.of("others", group(null, 2), "vision", group(null, 0.5)));
    assertEquals("vision", groups.groups().get(0).name());
    assertEquals(2, groups.groups().get(0).members().size());
    assertEquals(0.05, groups.groups().get(0).learningRate(), 1e-12);
    assertEquals("others", groups.groups().get(1).name());
    assertEquals(2, groups.groups().get(1).members().size());
    assertEquals(0.2, groups.groups().get(1).learningRate(), 1e-12);
    assertEquals(List.of("others"), groups(Map.of()).groups().stream().map(g -> g.name()).toList());
  }

  @Test
  void aGroupCanHaveItsOwnSlowWarmUp() {
    ParameterGroups groups =
        groups(
            Map.of(
                "vision",
                new ParameterGroupConfig(null, 1, new ScheduleConfig.Constant(1000, 0), false)));
    assertEquals(0.1, groups.groups().get(0).schedule().factor(100), 1e-12);
    assertEquals(1, groups.groups().get(1).schedule().factor(100), 1e-12);
  }

  @Test
  void frozenGroupsDoNotTrain() {
    ParameterGroups groups = groups(Map.of("vision", FROZEN));
    assertFalse(groups.trains("vision/norm/scale"));
    assertTrue(groups.trains("connector/kernel"));
    assertEquals(List.of("connector/kernel", "language/norm/scale"), groups.trained());
    assertEquals(
        List.of("vision/norm/scale", "vision/blocks/0/mlp/in/kernel"),
        groups(Map.of("vision", group(null, 1), "others", FROZEN)).trained());
  }

  @Test
  void onlyKernelsDecayByDefault() {
    assertEquals(
        List.of("vision/blocks/0/mlp/in/kernel", "connector/kernel"),
        groups(Map.of()).groups().get(0).members().stream()
            .filter(ParameterGroups.Member::decays)
            .map(ParameterGroups.Member::name)
            .toList());
  }

  @Test
  void overlapsAndEmptyGroupsAreNamedAtOnce() {
    InvalidConfigException e =
        assertThrows(
            InvalidConfigException.class,
            () ->
                groups(
                    Map.of(
                        "typo", group("vison/.*", 1),
                        "kernels", group(".*/kernel", 1),
                        "vision", group(null, 1))));
    assertEquals(2, e.problems().size());
    String message = String.valueOf(e.getMessage());
    assertTrue(message.contains("groups.typo.pattern: 'vison/.*' takes no parameter"), message);
    assertTrue(message.contains("match the same parameters, such as vision/blocks/0"), message);
  }
}
