package dev.palimpsest.checkpoints;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException.Kind;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.TensorInfo;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.FloatArrays;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

@NullUnmarked
class CheckpointStoreTest {
  private static final String C1 = name(1);
  private static final String C2 = name(2);
  private static final String C3 = name(3);

  @TempDir Path root;
  private final NDManager manager = NDManager.newBaseManager();
  private final ListAppender<ILoggingEvent> logged = new ListAppender<>();
  private CheckpointStore store;

  @BeforeEach
  void open() {
    store = new CheckpointStore(root.resolve("store"));
    logged.start();
    ((Logger) LoggerFactory.getLogger(CheckpointStore.class)).addAppender(logged);
  }

  @AfterEach
  void close() {
    ((Logger) LoggerFactory.getLogger(CheckpointStore.class)).detachAppender(logged);
    manager.close();
  }

  @Test
  void whatIsCommittedIsReadBackBitForBit() {
    float[] odd = {Float.NaN, -0f, Float.MIN_VALUE, Float.NEGATIVE_INFINITY, 1 / 3f, 7};
    Map<String, Parameters> groups = new LinkedHashMap<>();
    groups.put("parameters", parameters(odd));
    groups.put("mu", parameters(new float[] {1, 2, 3, 4, 5, 6}));
    Map<String, Object> facts =
        Map.of("examples", 1, "seed", 1L << 40, "loss", 0.1, "parents", List.of("a", "b"));
    store.commit(C1, groups, facts);

    TrainingCheckpoint read = store.latest().orElseThrow();
    assertEquals(C1, read.name());
    assertEquals(facts, read.facts());
    assertEquals(List.of("parameters", "mu"), read.groups());
    try (Parameters parameters = read.read(manager, "parameters")) {
      assertEquals(List.of("b/kernel", "a/bias"), List.copyOf(parameters.names()));
      NDArray kernel = parameters.get("b/kernel");
      assertEquals(new Shape(2, 3), kernel.getShape());
      ByteBuffer bits = kernel.toByteBuffer(true);
      for (float value : odd) {
        assertEquals(Float.floatToRawIntBits(value), bits.getInt());
      }
    }
    var e = assertThrows(IllegalArgumentException.class, () -> read.read(manager, "nu"));
    assertTrue(e.getMessage().contains("has no group nu, only [parameters, mu]"));
  }

  /** More than the parts hold that are made at once. */
  @Test
  void tensorsAreMadeWhileTheyAreWritten() {
    long count = 5_000_001;
    store.commitTensors(C1, Map.of("parameters", List.of(counting("a", count))), Map.of());
    TrainingCheckpoint read = store.latest().orElseThrow();
    try (Parameters parameters = read.read(manager, "parameters")) {
      float[] values = parameters.get("a").toFloatArray();
      for (int i = 0; i < count; i++) {
        assertEquals(i, values[i]);
      }
    }
  }

  private static Tensor counting(String name, long count) {
    return new Tensor(
        new TensorInfo(name, ElementType.F32, new Shape(count)),
        out ->
            out.write(
                count,
                (first, memory) -> {
                  for (long i = first; memory.hasRemaining(); i++) {
                    memory.putFloat((float) i);
                  }
                }));
  }

  @Test
  void tensorsThatCannotBeMadeLeaveTheStoreAsItWas() {
    commit(C1, 1);
    Tensor damaged =
        new Tensor(
            new TensorInfo("b", ElementType.F32, new Shape(3)),
            out -> {
              throw new CheckpointFormatException(Kind.CORRUPT, root, "is damaged");
            });
    var e =
        assertThrows(
            CheckpointFormatException.class,
            () ->
                store.commitTensors(
                    C1,
                    Map.of("parameters", List.of(counting("a", 5_000_000), damaged)),
                    Map.of()));
    assertTrue(e.getMessage().endsWith("is damaged"), e.getMessage());
    assertEquals(1, entries());
    assertEquals(1, value(store.latest().orElseThrow()));
  }

  @Test
  void tensorsForWhichThereIsNoRoomAreRefusedBeforeTheyAreMade() {
    CheckpointStore full = new CheckpointStore(root.resolve("store"), folder -> 20L << 20);
    Tensor tensor =
        new Tensor(
            new TensorInfo("a", ElementType.F32, new Shape(1 << 20)),
            out -> {
              throw new IllegalStateException("made");
            });
    var e =
        assertThrows(
            CheckpointWriteException.class,
            () -> full.commitTensors(C1, Map.of("parameters", List.of(tensor)), Map.of()));
    assertTrue(e.getMessage().contains("it needs 21 MiB and the disk has 20 MiB"), e.getMessage());
    assertEquals(0, entries());
  }

  @Test
  void readArraysCanBeUpdatedInPlaceWithoutTouchingTheFile() {
    commit(C1, 1);
    TrainingCheckpoint checkpoint = store.latest().orElseThrow();
    try (Parameters parameters = checkpoint.read(manager, "parameters")) {
      parameters.get("b/kernel").addi(5);
    }
    assertEquals(1, value(CheckpointStore.open(checkpoint.folder())));
  }

  /** The first array begins where its memory can be shared, the second does not. */
  @Test
  void bfloat16IsReadAsItWasStoredAlsoAfterTheCheckpointWasRemoved() {
    NDManager own = manager.newSubManager();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    for (String name : List.of("a", "b")) {
      try (NDArray values = own.create(new float[] {1, -0.1f, 3.14159f})) {
        arrays.put(name, FloatArrays.converted(own, values, Precision.BF16));
      }
    }
    store.commit(C1, Map.of("mu", new Parameters(own, arrays)), Map.of());
    try (Parameters read = store.latest().orElseThrow().read(manager, "mu")) {
      store.commit(C2, Map.of("mu", parameters(new float[6])), Map.of());
      store.retain(1, Set.of());
      assertEquals(List.of(C2), store.names());
      assertEquals(12, read.bytes());
      for (String name : List.of("a", "b")) {
        assertEquals(Precision.BF16, FloatArrays.type(read.get(name)));
        try (NDArray values = FloatArrays.converted(manager, read.get(name), Precision.F32)) {
          assertArrayEquals(new float[] {1, -0.100097656f, 3.140625f}, values.toFloatArray());
        }
      }
    }
  }

  @Test
  void anEmptyStoreHasNoLatest() {
    assertTrue(store.latest().isEmpty());
  }

  @Test
  void theNewestIsTheGreatestName() {
    commit(C2, 2);
    commit(name(10), 10);
    commit(name(9), 9);
    assertEquals(10, value(store.latest().orElseThrow()));
    assertEquals(List.of(C2, name(9), name(10)), store.names());
  }

  @Test
  void aFolderThatWasRenamedIsPassedOverAndNeitherCountedNorRemoved() throws IOException {
    for (int examples : new int[] {1, 2, 3}) {
      store.commit(
          name(examples),
          Map.of("parameters", parameters(new float[] {0, 0, 0, 0, 0, examples})),
          Map.of("examples", examples));
    }
    Files.move(root.resolve("store").resolve(C3), root.resolve("store").resolve(name(9)));
    assertEquals(2, value(store.latest().orElseThrow()));
    assertEquals(C2, store.newest().orElseThrow().name());
    assertWarned("FOREIGN", "contains the checkpoint at 3 examples under another name");
    store.retain(1, Set.of());
    assertEquals(List.of(C2, name(9)), store.names());
  }

  @Test
  void anEqualNameReplaces() {
    commit(C1, 1);
    commit(C1, 2);
    assertEquals(2, value(store.latest().orElseThrow()));
    assertEquals(1, entries());
  }

  @Test
  void aFlippedBitFallsBackWithAWarning() throws IOException {
    commit(C1, 1);
    Path file = commit(C2, 2).resolve("parameters.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 3] ^= 1;
    Files.write(file, bytes);
    assertEquals(1, value(store.latest().orElseThrow()));
    assertWarned("CORRUPT", "its SHA-256 is not the manifest's");
  }

  @Test
  void aShortFileIsTruncatedAndALongOneCorrupt() throws IOException {
    commit(C1, 1);
    Path file = commit(C2, 2).resolve("parameters.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length - 1));
    assertEquals(1, value(store.latest().orElseThrow()));
    assertWarned("TRUNCATED", "the manifest says " + bytes.length);
    Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length + 1));
    assertEquals(Kind.CORRUPT, refused(file.getParent()).kind());
    Files.delete(file);
    assertTrue(refused(file.getParent()).getMessage().endsWith("is missing"));
  }

  @Test
  void anyChangeOfTheManifestIsFound() throws IOException {
    Path manifest = commit(C1, 1).resolve("manifest.json");
    String text = Files.readString(manifest);
    Files.writeString(manifest, text.replace("\"examples\" : 1", "\"examples\" : 7"));
    assertEquals(Kind.CORRUPT, refused(manifest.getParent()).kind());
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < bytes.length; i += 7) {
      byte[] changed = bytes.clone();
      changed[i] ^= 1;
      Files.write(manifest, changed);
      assertThrows(
          CheckpointFormatException.class, () -> CheckpointStore.open(manifest.getParent()));
    }
    for (int length : new int[] {0, 1, bytes.length / 2, bytes.length - 3}) {
      Files.write(manifest, java.util.Arrays.copyOf(bytes, length));
      assertThrows(
          CheckpointFormatException.class, () -> CheckpointStore.open(manifest.getParent()));
    }
  }

  @Test
  void aLaterVersionStopsInsteadOfLosingItsWork() throws IOException {
    commit(C1, 1);
    rewrite(commit(C2, 2), "\"version\" : 1", "\"version\" : 2");
    var e = assertThrows(CheckpointFormatException.class, () -> store.latest());
    assertEquals(Kind.TOO_NEW, e.kind());
    assertTrue(e.getMessage().endsWith("this program reads up to 1; update it"), e.getMessage());
  }

  @Test
  void otherFoldersAreForeign() throws IOException {
    commit(C1, 1);
    Path other = Files.createDirectory(root.resolve("store/" + C2));
    assertEquals(Kind.FOREIGN, refused(other).kind());
    Files.writeString(other.resolve("manifest.json"), "{\"name\":\"web app\"}");
    assertEquals(Kind.FOREIGN, refused(other).kind());
    assertEquals(1, value(store.latest().orElseThrow()));
    assertWarned("FOREIGN", C2);
  }

  @Test
  void aManifestCannotNameFilesElsewhere() throws IOException {
    Path folder = commit(C1, 1);
    rewrite(folder, "parameters.safetensors", "../../secret.safetensors");
    assertTrue(refused(folder).getMessage().contains("not a plain file name"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x", "", ".hidden", "a/b", "a b"})
  void namesThatLeaveTheStoreAreRefused(String name) {
    assertThrows(IllegalArgumentException.class, () -> commit(name, 1));
    assertEquals(0, entries());
  }

  @Test
  void whatACrashLeftIsIgnoredAndThenRemoved() throws IOException {
    commit(C1, 1);
    Path half = Files.createDirectory(root.resolve("store/." + C2 + ".writing"));
    Files.writeString(half.resolve("parameters.safetensors"), "half");
    Files.createDirectory(root.resolve("store/." + name(0) + ".replaced"));
    assertEquals(1, value(store.latest().orElseThrow()));
    assertTrue(Files.exists(half), "a reader leaves another process's work alone");
    commit(C3, 3);
    assertEquals(2, entries());
    assertWarned("left by an interrupted run", "." + C2 + ".writing");
  }

  @Test
  void aFailedCommitLeavesTheStoreAsItWas() {
    commit(C1, 1);
    Parameters broken = parameters(new float[6]);
    broken.get("a/bias").close();
    assertThrows(
        RuntimeException.class, () -> store.commit(C1, Map.of("parameters", broken), Map.of()));
    assertEquals(1, entries());
    assertEquals(1, value(store.latest().orElseThrow()));
  }

  @Test
  void retainKeepsTheNewestAndThePinned() throws IOException {
    for (int i = 1; i <= 5; i++) {
      commit(name(i), i);
    }
    Files.createDirectory(root.resolve("store/" + name(6)));
    store.retain(2, Set.of(C1));
    assertEquals(List.of(C1, name(4), name(5), name(6)), store.names());
    store.retain(9, Set.of());
    assertEquals(4, entries());
  }

  @Test
  void aTruncatedCheckpointDoesNotCountAsKept() throws IOException {
    commit(C1, 1);
    Files.write(
        commit(C2, 2).resolve("parameters.safetensors"),
        new byte[3],
        StandardOpenOption.TRUNCATE_EXISTING);
    store.retain(1, Set.of());
    assertEquals(1, value(store.latest().orElseThrow()));
  }

  @Test
  void aDamagedOneThatIsTheNewestByNameDoesNotPushOutWhatIsWritten() throws IOException {
    commit(C1, 1);
    Path file = commit(C3, 3).resolve("parameters.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 3] ^= 1;
    Files.write(file, bytes);
    assertEquals(1, value(store.latest().orElseThrow()));
    commit(C2, 2);
    store.retain(1, Set.of());
    assertEquals(List.of(C2, C3), store.names());
    assertEquals(2, value(store.latest().orElseThrow()));
    commit(C3, 4);
    store.retain(1, Set.of());
    assertEquals(List.of(C3), store.names());
  }

  @Test
  void aCopyThatSomebodyPutAsideIsNeitherReadNorRemoved() throws IOException {
    Path first = commit(C1, 1);
    for (String name : List.of("best", C3 + ".bak")) {
      Path copy = Files.createDirectory(first.resolveSibling(name));
      for (String file : List.of("manifest.json", "parameters.safetensors")) {
        Files.copy(first.resolve(file), copy.resolve(file));
      }
    }
    commit(C2, 2);
    store.retain(1, Set.of());
    assertEquals(2, value(store.latest().orElseThrow()));
    assertEquals(1, value(CheckpointStore.open(root.resolve("store/best"))));
    assertEquals(1, value(CheckpointStore.open(root.resolve("store/" + C3 + ".bak"))));
  }

  @Test
  void commitsLeaveNoArraysBehind() {
    Parameters parameters = parameters(new float[6]);
    NDManager own = parameters.get("a/bias").getManager();
    int before = own.getManagedArrays().size();
    store.commit(C1, Map.of("parameters", parameters), Map.of());
    assertEquals(before, own.getManagedArrays().size());
  }

  private static String name(int examples) {
    return "examples-%012d".formatted(examples);
  }

  private Path commit(String name, float value) {
    float[] values = {value, value, value, value, value, value};
    int examples = Integer.parseInt(name.substring(name.indexOf('-') + 1));
    return store.commit(
        name, Map.of("parameters", parameters(values)), Map.of("examples", examples));
  }

  private float value(TrainingCheckpoint checkpoint) {
    try (Parameters parameters = checkpoint.read(manager, "parameters")) {
      float[] values = parameters.get("b/kernel").toFloatArray();
      assertArrayEquals(parameters.get("a/bias").toFloatArray(), new float[] {9});
      return values[5];
    }
  }

  /** Deliberately not in alphabetical order. */
  private Parameters parameters(float[] kernel) {
    NDManager own = manager.newSubManager();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    arrays.put("b/kernel", own.create(kernel, new Shape(2, 3)));
    arrays.put("a/bias", own.create(new float[] {9}));
    return new Parameters(own, arrays);
  }

  /** Changes a manifest as a program that knows the format would. */
  private static void rewrite(Path folder, String from, String to) throws IOException {
    Path manifest = folder.resolve("manifest.json");
    String text = Files.readString(manifest);
    assertTrue(text.contains(from), text);
    String content = text.substring(text.indexOf("content") + 10, text.length() - 3);
    String changed = content.replace(from, to);
    String hash =
        HexFormat.of()
            .formatHex(ContentHash.sha256().digest(changed.getBytes(StandardCharsets.UTF_8)));
    Files.writeString(
        manifest, "{\n\"sha256\": \"" + hash + "\",\n\"content\": " + changed + "\n}\n");
  }

  private static CheckpointFormatException refused(Path folder) {
    return assertThrows(CheckpointFormatException.class, () -> CheckpointStore.open(folder));
  }

  private void assertWarned(String... parts) {
    boolean found = false;
    for (ILoggingEvent event : logged.list) {
      String message = event.getFormattedMessage();
      found |=
          event.getLevel() == Level.WARN && List.of(parts).stream().allMatch(message::contains);
    }
    assertTrue(found, logged.list.toString());
  }

  private long entries() {
    try (var entries = Files.list(root.resolve("store"))) {
      return entries.count();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
