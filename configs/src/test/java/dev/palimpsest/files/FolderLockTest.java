package dev.palimpsest.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
@SuppressWarnings("try") // locks are used by being held
class FolderLockTest {
  @TempDir private Path folder;

  /** Takes the lock that is named, says so, and holds it until it is killed. */
  static final class Holder {
    private Holder() {}

    public static void main(String[] arguments) throws InterruptedException {
      try (FolderLock lock = FolderLock.take(Path.of(arguments[0])).orElseThrow()) {
        System.out.println("held");
        Thread.sleep(60_000);
      }
    }
  }

  private Process hold(Path file) throws IOException {
    Process holder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Holder.class.getName(),
                file.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    assertEquals("held", holder.inputReader().readLine());
    return holder;
  }

  @Test
  void oneHoldsItUntilItIsClosed() {
    Path file = folder.resolve("new/run.lock");
    try (FolderLock first = FolderLock.take(file).orElseThrow()) {
      assertEquals(Optional.empty(), FolderLock.take(file));
      String holder = FolderLock.holder(file);
      assertTrue(holder.startsWith("process " + ProcessHandle.current().pid() + " on "), holder);
    }
    FolderLock.take(file).orElseThrow().close();
    assertTrue(Files.exists(file), "the file stays");
  }

  @Test
  void anotherProcessIsNamedAndItsEndReleasesTheLock() throws Exception {
    Path file = folder.resolve("run.lock");
    Process holder = hold(file);
    try {
      assertEquals(Optional.empty(), FolderLock.take(file));
      String name = FolderLock.holder(file);
      assertTrue(name.startsWith("process " + holder.pid() + " on "), name);
    } finally {
      holder.destroyForcibly().waitFor();
    }
    FolderLock.take(file).orElseThrow().close();
  }

  @Test
  void whoWaitsIsToldForWhomAndGetsItNext() throws InterruptedException {
    Path file = folder.resolve("run.lock");
    List<String> told = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch got = new CountDownLatch(1);
    Thread second =
        new Thread(
            () -> {
              try (FolderLock lock = FolderLock.await(file, told::add)) {
                got.countDown();
              }
            });
    try (FolderLock first = FolderLock.take(file).orElseThrow()) {
      second.start();
      assertFalse(got.await(300, TimeUnit.MILLISECONDS));
      assertEquals(List.of(FolderLock.holder(file)), told);
    }
    assertTrue(got.await(30, TimeUnit.SECONDS));
    second.join();
  }

  @Test
  void nobodyWaitsForALockThatIsFree() {
    List<String> told = new ArrayList<>();
    FolderLock.await(folder.resolve("run.lock"), told::add).close();
    assertEquals(List.of(), told);
  }

  @Test
  void aFileThatNamesNobodyIsStillALock() throws IOException {
    Path file = Files.writeString(folder.resolve("run.lock"), "not JSON");
    assertEquals("another process", FolderLock.holder(file));
    Files.writeString(file, "");
    assertEquals("another process", FolderLock.holder(file));
    FolderLock.take(file).orElseThrow().close();
  }

  @Test
  void whereNothingCanBeWrittenThatIsSaid() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "").resolve("run.lock");
    UncheckedIOException failed =
        assertThrows(UncheckedIOException.class, () -> FolderLock.take(file));
    assertTrue(("" + failed.getMessage()).contains("cannot lock " + file), failed.getMessage());
  }
}
