package dev.palimpsest.cli.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.cli.bench.Soak.Sample;
import dev.palimpsest.cli.machine.Machine;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SoakTest {
  /**
   * Arrays, files and threads alone: memory needs more steps to settle than a test may take, and
   * 'bench soak' judges it.
   */
  @Test
  void aShortRunGivesBackArraysFilesAndThreads(@TempDir Path folder) {
    assumeTrue(Soak.isPossible(), "no /proc/self");
    try (Machine machine = Machine.open("cpu", null)) {
      List<Sample> samples = new Soak(40, 5, machine, s -> {}).run(folder);
      assertEquals(8, samples.size());
      List<Sample> settled = Soak.settled(samples);
      assertFalse(Soak.grows(settled, Sample::arrays), samples.toString());
      assertFalse(Soak.grows(settled, Sample::files), samples.toString());
      assertFalse(Soak.grows(settled, Sample::threads), samples.toString());
      assertTrue(settled.get(0).arrays() > 0 && settled.get(0).residentBytes() > 0);
    }
  }

  @Test
  void growthIsSeen() {
    List<Sample> leaking =
        LongStream.range(0, 8).mapToObj(i -> sample(100 + 2 * i, (int) (10 + i / 2))).toList();
    assertTrue(Soak.grows(leaking, Sample::arrays));
    // Medians 103 and 111.
    assertEquals(111.0 / 103 - 1, Soak.residentDrift(leaking), 1e-12);
    List<Sample> flat = LongStream.range(0, 8).mapToObj(i -> sample(100, 10)).toList();
    assertFalse(Soak.grows(flat, Sample::arrays));
  }

  private static Sample sample(long residentBytes, int arrays) {
    return new Sample(0, 0, residentBytes, 0, arrays, 0, 0);
  }
}
