package dev.palimpsest.checkpoints;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.TensorInfo;
import dev.palimpsest.checkpoints.tensors.TensorPart;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.FloatArrays;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Threads in the place of processes: what they share is a folder alone. */
class SharedSaveTest {
  private static final String NAME = "examples-000000000008";

  @TempDir Path folder;
  private final NDManager manager = NDManager.newBaseManager("PyTorch");
  private final Map<String, NDArray> arrays = new LinkedHashMap<>();

  SharedSaveTest() {
    arrays.put(
        "table", manager.arange(0, 700_000, 1).toType(DataType.FLOAT32, true).reshape(700, 1000));
    arrays.put("bias", manager.create(new float[] {1, 2, 3}));
    arrays.put("scale", manager.create(4f));
  }

  @AfterEach
  void close() {
    manager.close();
  }

  /** Of the large array each has a part; the second one has all of the bias. */
  private Map<String, List<TensorPart>> parts(int rank, int size) {
    Map<String, List<TensorPart>> groups = new LinkedHashMap<>();
    for (Precision type : Precision.values()) {
      List<TensorPart> parts = new ArrayList<>();
      arrays.forEach(
          (name, array) -> {
            NDArray flat = FloatArrays.converted(manager, array, type).reshape(array.size());
            long n = array.size();
            long from = name.equals("table") ? n * rank / size : rank == 1 ? 0 : n;
            long to = name.equals("table") ? n * (rank + 1) / size : n;
            parts.add(
                new TensorPart(
                    new TensorInfo(name, ElementType.of(type), array.getShape()),
                    from,
                    from == to
                        ? FloatArrays.zeros(manager, new Shape(0), type)
                        : flat.get(new NDIndex("{}:{}", from, to))));
          });
      groups.put("group-" + type.name(), parts);
    }
    return groups;
  }

  private Path commitTogether(Path root, int size, String token) {
    List<CompletableFuture<Path>> others = new ArrayList<>();
    for (int rank = 1; rank < size; rank++) {
      Map<String, List<TensorPart>> own = parts(rank, size);
      SharedSave shared = new SharedSave(rank, size, token, Duration.ofSeconds(60));
      others.add(
          CompletableFuture.supplyAsync(
              () -> new CheckpointStore(root).commitParts(NAME, own, Map.of(), shared)));
    }
    Path done =
        new CheckpointStore(root)
            .commitParts(
                NAME,
                parts(0, size),
                Map.of("examples", 8),
                new SharedSave(0, size, token, Duration.ofSeconds(60)));
    others.forEach(CompletableFuture::join);
    return done;
  }

  @Test
  void theFilesAreThoseOfOneProcess() throws IOException {
    Map<String, Parameters> whole = new LinkedHashMap<>();
    for (Precision type : Precision.values()) {
      Map<String, NDArray> converted = new LinkedHashMap<>();
      arrays.forEach(
          (name, array) -> converted.put(name, FloatArrays.converted(manager, array, type)));
      whole.put("group-" + type.name(), new Parameters(manager.newSubManager(), converted));
    }
    Path one =
        new CheckpointStore(folder.resolve("one")).commit(NAME, whole, Map.of("examples", 8));
    for (int size : new int[] {2, 3}) {
      Path root = folder.resolve("together-" + size);
      Path together = commitTogether(root, size, "token");
      try (Stream<Path> files = Files.list(one)) {
        for (Path file : files.toList()) {
          assertEquals(-1, Files.mismatch(file, together.resolve(file.getFileName())), "" + file);
        }
      }
      try (Stream<Path> files = Files.list(together)) {
        assertEquals(1 + whole.size(), files.count(), "no marker is left");
      }
      assertTrue(new CheckpointStore(root).latest().isPresent());
    }
  }

  @Test
  void whatAKilledRunHasLeftIsNotTakenForThisOne() throws IOException {
    Path root = folder.resolve("again");
    Path left = Files.createDirectories(root.resolve("." + NAME + ".writing"));
    Files.writeString(left.resolve("ready-before"), "");
    Files.writeString(left.resolve("done-before-rank-1"), "");
    Path done = commitTogether(root, 2, "now");
    assertEquals(NAME, String.valueOf(CheckpointStore.open(done).name()));
  }

  @Test
  void aPartThatDoesNotComeIsNamedAndNothingIsLeft() throws IOException {
    Path root = folder.resolve("alone");
    CheckpointWriteException e =
        assertThrows(
            CheckpointWriteException.class,
            () ->
                new CheckpointStore(root)
                    .commitParts(
                        NAME,
                        parts(0, 2),
                        Map.of("examples", 8),
                        new SharedSave(0, 2, "t", Duration.ofMillis(200))));
    String said = String.valueOf(e.getMessage());
    assertTrue(said.contains("rank 1 has not written its part within"), said);
    try (Stream<Path> files = Files.list(root)) {
      assertEquals(0, files.count());
    }
  }
}
