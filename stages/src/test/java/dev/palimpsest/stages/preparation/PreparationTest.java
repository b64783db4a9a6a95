package dev.palimpsest.stages.preparation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
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
    try (FileChannel channel =
            FileChannel.open(
                folder.resolve("run/.data.lock"),
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
        FileLock first = channel.lock()) {
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
