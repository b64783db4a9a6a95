package dev.palimpsest.cli.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class DeviceOptionTest {
  @Test
  void ranksOfANodeTakeItsGpusInTurn() {
    assertEquals("cuda", DeviceOption.ofRank("cuda", 0, () -> 8));
    assertEquals("cuda:3", DeviceOption.ofRank("cuda", 3, () -> 8));
  }

  @Test
  void aRankThatSeesOneGpuTakesThat() {
    assertEquals("cuda:0", DeviceOption.ofRank("cuda", 3, () -> 1));
  }

  @Test
  void whatIsNamedIsTaken() {
    assertEquals("cuda:2", DeviceOption.ofRank("cuda:2", 3, () -> 8));
    assertEquals("cpu", DeviceOption.ofRank("cpu", 3, () -> 8));
  }
}
