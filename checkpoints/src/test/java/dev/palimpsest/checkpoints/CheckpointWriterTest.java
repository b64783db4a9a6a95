package dev.palimpsest.checkpoints;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.model.blocks.Parameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked
class CheckpointWriterTest {
  private static final String C1 = name(1);
  private static final String C2 = name(2);
  private static final String C3 = name(3);

  @TempDir Path root;
  private final NDManager manager = NDManager.newBaseManager();
  private Path folder;
  private CheckpointStore store;
  private Parameters state;

  @BeforeEach
  void open() {
    folder = root.resolve("store");
    store = new CheckpointStore(folder);
    NDManager own = manager.newSubManager();
    NDArray array = own.create(new float[] {1, 2});
    state = new Parameters(own, Map.of("a", array));
  }

  @AfterEach
  void close() {
    manager.close();
  }

  @Test
  void trainingGoesOnWhileTheCopyIsWritten() throws InterruptedException {
    CountDownLatch mayWrite = new CountDownLatch(1);
    try (CheckpointWriter writer = new CheckpointWriter(store, manager, true)) {
      save(writer, C1, () -> await(mayWrite));
      state.get("a").addi(10); // the next step
      writer.check();
      assertEquals(List.of(), store.names());
      mayWrite.countDown();
      writer.await();
      try (Parameters read = store.latest().orElseThrow().read(manager, "parameters")) {
        assertEquals(2, read.get("a").toFloatArray()[1]);
      }
      CheckpointWriter.Times times = writer.takeTimes();
      assertEquals(1, times.saves());
      assertTrue(times.stallNanos() > 0 && times.writeNanos() > 0, times.toString());
      assertEquals(CheckpointWriter.Times.NONE, writer.takeTimes());
    }
  }

  @Test
  void oneSaveIsInFlightAtMost() {
    try (CheckpointWriter writer = new CheckpointWriter(store, manager, true)) {
      for (int i = 1; i <= 3; i++) {
        save(writer, name(i), () -> {});
        assertTrue(store.names().size() >= i - 1, store.names().toString());
      }
    }
    assertEquals(List.of(C1, C2, C3), store.names());
  }

  @Test
  void aFailedSaveSurfacesOnceAndLeavesTheOneBefore() throws IOException {
    try (CheckpointWriter writer = new CheckpointWriter(store, manager, true)) {
      save(writer, C1, () -> {});
      writer.await();
      Files.writeString(folder.resolve("." + C2 + ".writing"), "");
      // A folder that cannot be made, as in a read-only place: a file with a child in its way.
      Path moved = Files.move(folder, root.resolve("moved"));
      Files.writeString(folder, "a file in the folder's place");
      save(writer, C2, () -> {});
      var e = assertThrows(CheckpointWriteException.class, writer::await);
      assertTrue(e.getMessage().startsWith("cannot save the checkpoint " + folder), e.getMessage());
      assertTrue(e.getMessage().endsWith("run the same command to resume"), e.getMessage());
      writer.check();
      Files.delete(folder);
      Files.move(moved, folder);
      assertEquals(C1, store.latest().orElseThrow().name());
      save(writer, C3, () -> {});
    }
    assertEquals(C3, store.latest().orElseThrow().name());
  }

  @Test
  void aStoreInAFilesPlaceSaysSo() throws IOException {
    Path file = Files.writeString(root.resolve("file"), "");
    var e = assertThrows(CheckpointWriteException.class, () -> new CheckpointStore(file));
    assertTrue(e.getMessage().startsWith("cannot create the folder for checkpoints"), "" + e);
  }

  @Test
  void withoutRoomNothingIsBegun() {
    CheckpointStore full = new CheckpointStore(folder, place -> 5 << 20);
    try (CheckpointWriter writer = new CheckpointWriter(full, manager, true)) {
      var e = assertThrows(CheckpointWriteException.class, () -> save(writer, C1, () -> {}));
      assertTrue(e.getMessage().contains("needs 17 MiB and the disk has 5 MiB free"), "" + e);
    }
    assertEquals(List.of(), store.names());
  }

  private void save(CheckpointWriter writer, String name, Runnable before) {
    writer.save(name, Map.of("parameters", state), Map.of("seed", 1), before, () -> {});
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String name(int examples) {
    return "examples-%012d".formatted(examples);
  }
}
