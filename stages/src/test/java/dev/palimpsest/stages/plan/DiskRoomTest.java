package dev.palimpsest.stages.plan;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.stages.TinyRun;
import dev.palimpsest.stages.folder.RunFolder;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskRoomTest {
  private static final TinyRun RUN =
      TinyRun.of(
          """
          tasks:
            caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
          """,
          """
            - name: stage1
              init: {stage: stage0}
              resolution: 16
              textTokens: 32
              batchSize: 2
              examples: 4
              mixture: {caption: 1}
              optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
              export: {formats: []}
          """);

  @TempDir Path out;

  /** What a run still needs is what its plan expects less what its folder has. */
  @Test
  void whatIsThereIsNotNeededAgain() throws IOException {
    Plan plan = Plan.of(RUN.bind(out), Hardware.UNKNOWN, stage -> Optional.empty());
    RunFolder folder = new RunFolder(out);
    long most = plan.diskAtMost();
    assertTrue(DiskRoom.shortage(plan, folder, most).isEmpty());
    String shortage = DiskRoom.shortage(plan, folder, most - 1000).orElseThrow();
    assertTrue(shortage.contains("make room for 1.00 kB more"), shortage);
    assertTrue(shortage.contains("can grow by " + Amounts.bytes(most)), shortage);
    assertTrue(DiskRoom.shortage(plan.until("stage0"), folder, most / 2).isEmpty());
    assertFalse(Files.exists(out.resolve("stage0")), "nothing has begun");

    RUN.crash(out, 1); // in stage1
    long there = bytes(folder.checkpoints("stage0"));
    assertTrue(there > most / 5 && there < most, there + " of " + most);
    assertTrue(DiskRoom.shortage(plan, folder, most - there).isEmpty());
    assertTrue(DiskRoom.shortage(plan, folder, most - there - 1).isPresent());
  }

  private static long bytes(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.map(Path::toFile).filter(File::isFile).mapToLong(File::length).sum();
    }
  }
}
