package dev.palimpsest.cli.commands;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.cli.Outcome;
import dev.palimpsest.cli.machine.CudaDriver;
import dev.palimpsest.mixtures.images.TurboJpeg;
import dev.palimpsest.model.kernels.EngineFacts;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class DoctorCommandTest {
  @Test
  void itSaysWhatTheEngineAndTheMachineAre() {
    Outcome outcome = Outcome.of("doctor");
    assertEquals(0, outcome.exit(), outcome.err());
    EngineFacts.read().forEach((name, value) -> assertTrue(outcome.out().contains(value), name));
    assertTrue(outcome.out().contains(EngineFacts.folder().toString()), outcome.out());
    assertTrue(outcome.out().contains(System.getProperty("java.runtime.version")));
  }

  @Test
  void jsonSaysTheSame() throws IOException {
    JsonNode facts = new ObjectMapper().readTree(Outcome.of("doctor", "--json").out());
    assertEquals(EngineFacts.threads(), facts.at("/engine/threads").asInt());
    assertEquals("cpu", facts.at("/device/asked for").asText());
    assertTrue(facts.at("/device/usable").asBoolean());
    assertTrue(facts.at("/memory/total").asLong() > 1L << 28, facts.toString());
    assertTrue(facts.at("/disk").size() > 0, facts.toString());
  }

  @Test
  void itSaysHowToGetWhatIsMissing() throws IOException {
    JsonNode missing =
        new ObjectMapper().readTree(Outcome.of("doctor", "--json").out()).get("missing");
    boolean told = false;
    for (JsonNode lack : missing) {
      told |=
          lack.get("what").asText().equals("libturbojpeg")
              && lack.get("remedy").asText().contains("libturbojpeg0");
    }
    assertEquals(!TurboJpeg.isFound(), told, missing.toString());
  }

  /** The facts first, since they are what one asks for then; the reason last. */
  @Test
  void aDeviceThatCannotBeUsedEndsWithTheReason() {
    assumeTrue(!CudaDriver.probe().found());
    Outcome outcome = Outcome.of("doctor", "--device", "cuda");
    assertEquals(2, outcome.exit(), outcome.err());
    assertEquals(1, outcome.err().strip().lines().count(), outcome.err());
    assertTrue(outcome.err().contains("there is no NVIDIA driver here"), outcome.err());
    assertTrue(outcome.out().contains("cuda driver          none"), outcome.out());
    assertTrue(outcome.out().contains("built for            CPU"), outcome.out());
  }
}
