package dev.palimpsest.configs.binding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Place;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.evaluation.DecodeConfig;
import dev.palimpsest.configs.evaluation.SamplerConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DecodeConfigTest {
  @Test
  void nothingSaidIsGreedy() {
    assertEquals(DecodeConfig.greedy(32), bind("{}"));
  }

  @Test
  void everySamplerIsAWord() {
    assertEquals(
        new DecodeConfig(new SamplerConfig.Beam(3), 24, 1, List.of(), 0),
        bind("{sampler: {beam: {size: 3}}, maxNewTokens: 24}"));
    assertEquals(
        new DecodeConfig(new SamplerConfig.Temperature(0.7), 32, 8, List.of(5, 1), 9),
        bind("{sampler: {temperature: {t: 0.7}}, bestOf: 8, bannedTokens: [5, 1], seed: 9}"));
    assertEquals(
        new DecodeConfig(new SamplerConfig.Nucleus(0.9, 1), 32, 1, List.of(), 0),
        bind("{sampler: {nucleus: {p: 0.9}}}"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{sampler: {beam: {size: 3}}, bannedTokens: [1]}",
        "{sampler: {nucleus: {p: 0.5, t: 2}}, bestOf: 2, seed: 3}"
      })
  void whatIsWrittenBindsBack(String yaml) {
    DecodeConfig decode = bind(yaml);
    assertEquals(decode, bind(ConfigYaml.write(decode)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{maxNewTokens: 0} | maxNewTokens",
        "{bestOf: 0} | bestOf",
        "{bestOf: 2} | bestOf",
        "{bestOf: 2, sampler: {beam: {size: 2}}} | bestOf",
        "{bannedTokens: [-1]} | bannedTokens",
        "{sampler: {beam: {size: 0}}} | size",
        "{sampler: {temperature: {t: 0}}} | t",
        "{sampler: {nucleus: {p: 0}}} | p",
        "{sampler: {nucleus: {p: 1.1}}} | p"
      })
  void whatCannotBeIsNamed(String yaml, String field) {
    InvalidConfigException mistake = assertThrows(InvalidConfigException.class, () -> bind(yaml));
    assertEquals(1, mistake.problems().size());
    assertTrue(mistake.problems().get(0).path().endsWith(field));
  }

  private static DecodeConfig bind(String yaml) {
    List<Problem> problems = new ArrayList<>();
    Node node = YamlReader.value(yaml, Place.all("test"), problems);
    return Binder.bindAlone(DecodeConfig.class, Objects.requireNonNull(node));
  }
}
