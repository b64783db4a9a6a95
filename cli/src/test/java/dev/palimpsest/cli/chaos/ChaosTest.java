package dev.palimpsest.cli.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cli.Main;
import dev.palimpsest.cli.Signals;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Real processes, really killed: two small stages with checkpoints and an evaluation inside. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@DisabledOnOs(OS.WINDOWS) // signals
class ChaosTest {
  private static final int KILLS = 8;
  private static final String MIDDLE = "stage1: step from 24 examples";

  private Path folder = Path.of("");
  private List<String> run = List.of();
  private Chaos.Outcome outcome =
      new Chaos.Outcome(Map.of(), 0, 0, 0, new Comparison(0, 0, 0, List.of()));
  private final List<String> said = new ArrayList<>();

  @BeforeAll
  void killARunInEveryKindOfPlace(@TempDir Path temporary) throws URISyntaxException {
    Path recipe = Path.of(Objects.requireNonNull(ChaosTest.class.getResource("tiny.yaml")).toURI());
    folder = temporary.toAbsolutePath();
    run = List.of(Main.class.getName(), "run", recipe.toString());
    outcome = new Chaos(folder, 1, run, 4, said::add).kill(KILLS);
  }

  @Test
  void aKilledRunEndsInTheSameBits() {
    assertEquals(List.of(), outcome.comparison().differences());
    assertEquals(0, outcome.comparison().bitsDiffering());
    assertEquals(KILLS, outcome.kills(), said.toString());
  }

  @Test
  void everyKindOfPlaceIsHit() {
    assertEquals(EnumSet.allOf(KillPoint.Kind.class), outcome.reached().keySet());
  }

  @Test
  void whatDiffersIsFound() throws IOException {
    Path whole = folder.resolve("whole");
    Path other = folder.resolve("killed-1");
    Path log = other.resolve("stage1/examples.jsonl");
    byte[] before = Files.readAllBytes(log);
    Files.writeString(log, new String(before, StandardCharsets.UTF_8).replaceFirst("ocr", "ocs"));
    Comparison comparison = Comparison.of(whole, other);
    Files.write(log, before);
    assertEquals(1, comparison.differences().size(), comparison.toString());
    assertEquals(1, comparison.bitsDiffering());
  }

  @Test
  void aSignalEndsTheRunAfterItsStepAndTheSameCommandGoesOn() throws Exception {
    Signals.assumeHeard(2);
    Path stopped = folder.resolve("stopped");
    for (String signal : List.of("TERM", "INT")) {
      Child child =
          start(stopped, MIDDLE.replace("24", signal.equals("TERM") ? "24" : "36"), false);
      awaitReached(child);
      send(signal, child);
      assertTrue(child.process().waitFor(60, TimeUnit.SECONDS));
      String log = Files.readString(child.log());
      assertEquals(75, child.process().exitValue(), log);
      assertTrue(log.contains("run the same command to resume"), log);
    }
    assertEquals(Child.End.FINISHED, start(stopped, "", false).killWhenReached(0));
    assertEquals(List.of(), Comparison.of(folder.resolve("whole"), stopped).differences());
  }

  /** As when a connection breaks. */
  @Test
  void aTerminalThatIsGoneEndsTheRunAfterItsStep() throws Exception {
    Signals.assumeHeard(1);
    Child child = start(folder.resolve("hung-up"), MIDDLE, false);
    awaitReached(child);
    send("HUP", child);
    assertTrue(child.process().waitFor(60, TimeUnit.SECONDS));
    assertEquals(75, child.process().exitValue(), Files.readString(child.log()));
  }

  /**
   * While it stands still in a scoring at which a checkpoint is due, which it then comes back to.
   */
  @Test
  @Timeout(120)
  void aSecondSignalEndsTheRunAtOnceAndTheSameCommandGoesOn() throws Exception {
    Signals.assumeHeard(2);
    Path stopped = folder.resolve("twice");
    Child child = start(stopped, "stage1: scoring heldout at-000000000016", true);
    awaitReached(child);
    send("TERM", child);
    while (!Files.readString(child.log()).contains("a second signal stops at once")) {
      assertFalse(child.process().waitFor(10, TimeUnit.MILLISECONDS), "stopped unclean");
    }
    send("INT", child);
    boolean ended = child.process().waitFor(30, TimeUnit.SECONDS);
    child.process().toHandle().destroyForcibly();
    assertTrue(ended, "goes on after a second signal");
    assertEquals(128 + 2, child.process().exitValue());
    Path score = stopped.resolve("stage1/scores/at-000000000016.heldout.json");
    assertFalse(Files.exists(score));
    assertEquals(Child.End.FINISHED, start(stopped, "", false).killWhenReached(0));
    assertTrue(Files.exists(score));
    assertEquals(List.of(), Comparison.of(folder.resolve("whole"), stopped).differences());
  }

  /** That a lock which a killed process left is none, every kill of this class shows. */
  @Test
  void aSecondProcessOnTheFolderIsRefused() throws Exception {
    Path shared = folder.resolve("shared");
    Child first = start(shared, "stage1: begins", true);
    awaitReached(first);
    Child second = start(shared, "", false);
    assertTrue(second.process().waitFor(60, TimeUnit.SECONDS));
    assertEquals(2, second.process().exitValue());
    String message = Files.readString(second.log());
    assertTrue(message.contains("is in use by process " + first.process().pid() + " on "), message);
    first.process().toHandle().destroyForcibly();
    first.process().waitFor();
  }

  private Child start(Path root, String target, boolean hold) throws IOException {
    List<String> arguments = new ArrayList<>(run);
    arguments.addAll(List.of("--out", root.toString()));
    return Child.start(
        1,
        Victim.class,
        arguments,
        Map.of(
            Victim.ROOT,
            root.toString(),
            Victim.TRACE,
            root + ".places",
            Victim.TARGET,
            target,
            Victim.HOLD,
            Boolean.toString(hold)),
        Files.createTempFile(folder, "child", ".log"));
  }

  private static void send(String signal, Child child) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + signal, Long.toString(child.process().pid()))
        .start()
        .waitFor();
  }

  private static void awaitReached(Child child) throws IOException {
    BufferedReader out = child.process().inputReader(StandardCharsets.UTF_8);
    for (String line = out.readLine(); line != null; line = out.readLine()) {
      if (line.startsWith(Victim.REACHED)) {
        return;
      }
    }
    throw new AssertionError(Files.readString(child.log()));
  }
}
