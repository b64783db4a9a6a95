package dev.palimpsest.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class EarlySyncTest {
  private static final long LARGE = 1L << 30;

  @Test
  void aLargeFileIsSyncedBeforeItsWriterIsDone() throws Exception {
    CountDownLatch early = new CountDownLatch(1);
    List<Boolean> syncs = new CopyOnWriteArrayList<>();
    try (EarlySync sync =
        new EarlySync(
            () -> LARGE,
            metadata -> {
              syncs.add(metadata);
              early.countDown();
            })) {
      assertTrue(early.await(20, TimeUnit.SECONDS));
      sync.finish();
    }
    assertEquals(List.of(false, true), syncs);
  }

  @Test
  void aSmallFileIsSyncedOnceAtTheEnd() throws IOException {
    List<Boolean> syncs = new CopyOnWriteArrayList<>();
    try (EarlySync sync = new EarlySync(() -> 1000, syncs::add)) {
      sync.finish();
    }
    assertEquals(List.of(true), syncs);
  }

  @Test
  void anEarlyFailureIsThrownAtTheEndAlthoughALaterSyncWouldSucceed() throws Exception {
    CountDownLatch early = new CountDownLatch(1);
    try (EarlySync sync =
        new EarlySync(
            () -> LARGE,
            metadata -> {
              if (early.getCount() > 0) {
                early.countDown();
                throw new IOException("Input/output error");
              }
            })) {
      assertTrue(early.await(20, TimeUnit.SECONDS));
      IOException e = assertThrows(IOException.class, sync::finish);
      assertEquals("Input/output error", e.getMessage());
    }
  }
}
