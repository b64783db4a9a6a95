package dev.palimpsest.cli.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class RunProgressTest {
  @Test
  void theLineNeverExceedsSixtyColumns() {
    String[] names = {"s", "stage2-896", "stage1: scoring heldout/ocr.medium", "x".repeat(200)};
    Random random = new Random(0);
    for (int i = 0; i < 2000; i++) {
      long total = (long) Math.pow(10, 12 * random.nextDouble());
      long done = (long) (total * random.nextDouble());
      double rate = Math.pow(10, 8 * random.nextDouble() - 2);
      double loss = Math.pow(10, 8 * random.nextDouble() - 4);
      String line =
          RunProgress.line(
              names[i % names.length],
              done,
              total,
              String.format(java.util.Locale.ROOT, "loss %.4g", loss),
              rate,
              Math.round((total - done) / rate));
      assertTrue(line.length() <= RunProgress.COLUMNS, line);
    }
    assertEquals(
        "stage1  25% 4.10k/16.4k loss 2.123 101/s 0:02:02",
        RunProgress.line("stage1", 4096, 16384, "loss 2.123", 100.6, 122));
  }

  @Test
  void theTaskIsReadableAndNothingIsSaidOfARateBeforeThereIsOne() {
    String scoring = "stage2-128: scoring heldout/ocr.medium";
    String line = RunProgress.line(scoring, 33, 150, "answers", 28.3, 4);
    assertTrue(line.length() <= RunProgress.COLUMNS, line);
    assertTrue(line.startsWith("stage2") && line.contains("out/ocr.medium  22% 33/150"), line);
    assertEquals(
        "stage1: scoring heldout/caption   0% 0/150 answers",
        RunProgress.line("stage1: scoring heldout/caption", 0, 150, "answers", 0, 0));
  }

  @Test
  void aLoggedLineHasTheMeansOfItsSteps() {
    RunProgress.Sums sums = new RunProgress.Sums();
    sums.add(4, 3000, 1, 0.5, 0);
    sums.add(2, 1000, 3, 0.1, 0.4);
    assertEquals("loss 3.0000, 1.00k tokens/s, MFU 20.0 %, 30 % waiting for data", sums.text());
    RunProgress.Sums unknown = new RunProgress.Sums();
    unknown.add(1, 0, 1, Double.NaN, 0);
    assertEquals("loss 1.0000", unknown.text());
  }

  @Test
  void numbersAreBrief() {
    assertEquals("0", RunProgress.brief(0));
    assertEquals("0.004", RunProgress.brief(0.00418));
    assertEquals("0.25", RunProgress.brief(0.25));
    assertEquals("812", RunProgress.brief(812));
    assertEquals("1.00k", RunProgress.brief(999.9));
    assertEquals("12.4k", RunProgress.brief(12_400));
    assertEquals("1.00G", RunProgress.brief(1e9));
    assertEquals("23:59:59", RunProgress.clock(86_399));
    assertEquals("2d 1:00:00", RunProgress.clock(2 * 86_400 + 3600));
  }
}
