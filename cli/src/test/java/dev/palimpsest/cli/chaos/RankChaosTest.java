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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two ranks under a real {@code mpirun}, of which one or the other is really killed. */
class RankChaosTest {
  private static final int KILLS = 5;

  @Test
  @Timeout(900)
  void whicheverRankIsKilledTheRunEndsInTheSameBits(@TempDir Path temporary)
      throws URISyntaxException {
    Mpirun.require();
    Path recipe =
        Path.of(Objects.requireNonNull(Main.class.getResource("ranks/tiny.yaml")).toURI());
    List<String> said = new ArrayList<>();
    Chaos.Outcome outcome =
        new Chaos(
                temporary.toAbsolutePath(),
                2,
                List.of(Main.class.getName(), "run", recipe.toString()),
                2,
                said::add)
            .kill(KILLS);
    assertEquals(List.of(), outcome.comparison().differences());
    assertEquals(0, outcome.comparison().bitsDiffering());
    assertEquals(KILLS, outcome.kills(), said.toString());
    assertTrue(said.stream().anyMatch(line -> line.contains("rank 1: ")), said.toString());
    assertTrue(said.stream().anyMatch(line -> !line.contains("rank 1: ")), said.toString());
  }
}
