package dev.palimpsest.cli.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cli.Main;
import dev.palimpsest.cli.Mpirun;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Two ranks under a real {@code mpirun}, of which one or the other is really killed. */
class RankChaosTest {
  /**
   * In the second case each rank also writes its part of every checkpoint, and one is killed in it.
   * Gradients are exchanged during the backward pass, so that ranks are killed in the middle of it.
   */
  @ParameterizedTest
  @CsvSource({"none, 3", "parameters, 4"})
  @Timeout(900)
  void whicheverRankIsKilledTheRunEndsInTheSameBits(
      String sharding, int kills, @TempDir Path temporary) throws URISyntaxException {
    Mpirun.require();
    Path recipe =
        Path.of(Objects.requireNonNull(Main.class.getResource("ranks/tiny.yaml")).toURI());
    List<String> said = new ArrayList<>();
    Chaos.Outcome outcome =
        new Chaos(
                temporary.toAbsolutePath(),
                2,
                List.of(
                    Main.class.getName(),
                    "run",
                    recipe.toString(),
                    "--set",
                    "ranks.sharding=" + sharding,
                    "--set",
                    "ranks.overlap=always"),
                2,
                said::add)
            .kill(kills);
    assertEquals(List.of(), outcome.comparison().differences());
    assertEquals(0, outcome.comparison().bitsDiffering());
    assertEquals(kills, outcome.kills(), said.toString());
    assertTrue(said.stream().anyMatch(line -> line.contains("rank 1: ")), said.toString());
    assertTrue(said.stream().anyMatch(line -> !line.contains("rank 1: ")), said.toString());
  }
}
