package dev.palimpsest.cli.operating;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.palimpsest.configs.OnEndConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

@DisabledOnOs(OS.WINDOWS) // the commands are those of a Unix shell
class EndCommandTest {
  private final ListAppender<ILoggingEvent> said = new ListAppender<>();
  private final Logger logger = (Logger) LoggerFactory.getLogger(EndCommand.class);
  @TempDir Path folder;

  @BeforeEach
  void listen() {
    said.start();
    logger.setLevel(Level.INFO);
    logger.addAppender(said);
  }

  @AfterEach
  void stopListening() {
    logger.detachAppender(said);
    logger.setLevel(null);
  }

  private List<String> run(int code, boolean gate, int timeoutSeconds, String... command) {
    EndCommand.run(
        new OnEndConfig(List.of(command), timeoutSeconds), folder, code, gate, "a reason");
    return said.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
  }

  @Test
  void aClosedGateIsTold() throws Exception {
    Path told = folder.resolve("told");
    List<String> log =
        run(
            77,
            true,
            20,
            "sh",
            "-c",
            "echo $PALIMPSEST_STATE $PALIMPSEST_EXIT_CODE $PALIMPSEST_WHY > $0",
            told.toString());
    assertEquals("gate-closed 77 a reason\n", Files.readString(told));
    assertEquals(List.of("onEnd: sh is done"), log);
  }

  @Test
  void failuresAreToldWithoutArguments() {
    List<String> log = run(1, false, 20, "sh", "-c", "echo a-secret >&2; exit 3", "token=a-secret");
    assertEquals(List.of("onEnd: sh ended with exit code 3"), log);
  }

  @Test
  void aProgramThatIsNotThereChangesNothing() {
    assertEquals(
        List.of("onEnd: there-is-none could not be started"),
        run(0, false, 20, "/nowhere/there-is-none", "token=a-secret"));
  }

  @Test
  void whatTakesTooLongIsEndedWithItsChildren() throws Exception {
    Path pid = folder.resolve("pid");
    List<String> log =
        run(0, false, 1, "sh", "-c", "sleep 300 & echo $! > $0; wait", pid.toString());
    assertEquals(List.of("onEnd: sh was ended after 1 seconds"), log);
    long child = Long.parseLong(Files.readString(pid).strip());
    for (int i = 0;
        i < 100 && ProcessHandle.of(child).map(ProcessHandle::isAlive).orElse(false);
        i++) {
      Thread.sleep(50);
    }
    assertFalse(ProcessHandle.of(child).map(ProcessHandle::isAlive).orElse(false));
    assertTrue(child > 0);
  }
}
