package dev.palimpsest.stages.preparation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.files.FolderLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class PreparationTest {
  @TempDir private Path folder;

  @Test
  @Timeout(60)
  @SuppressWarnings("try") // the lock is used by being held
  void whoComesSecondWaits() throws Exception {
    Path out = folder.resolve("run/data");
    Files.createDirectories(out);
    CountDownLatch made = new CountDownLatch(1);
    Thread second = new Thread(() -> Preparation.alone(out, made::countDown));
    try (FolderLock first = FolderLock.take(folder.resolve("run/.data.lock")).orElseThrow()) {
      second.start();
      assertFalse(made.await(300, TimeUnit.MILLISECONDS));
    }
    assertTrue(made.await(30, TimeUnit.SECONDS));
    second.join();
  }

  @Test
  void whereNoLockCanBeMadeWhatStandsThereIsTaken() throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "");
    int[] made = new int[1];
    Preparation.alone(file.resolve("data"), () -> made[0]++);
    assertEquals(1, made[0]);
  }
}
