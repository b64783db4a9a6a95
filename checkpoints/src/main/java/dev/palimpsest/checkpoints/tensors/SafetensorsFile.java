package dev.palimpsest.checkpoints.tensors;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException.Kind;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.checks.PlaceholderFile;
import dev.palimpsest.files.Json;
import dev.palimpsest.files.PlainName;
import dev.palimpsest.model.kernels.FloatArrays;
import dev.palimpsest.model.kernels.MappedFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Tensors of a safetensors file, or of a folder whose {@code model.safetensors.index.json} names
 * several.
 *
 * <p>The format: 8 bytes with the header's length N (little endian), N bytes of JSON that map each
 * name to {@code {"dtype", "shape", "data_offsets": [begin, end]}}, then the data, which the
 * tensors cover without holes or overlaps. {@code __metadata__} contains strings.
 */
public final class SafetensorsFile extends TensorSource {
  /** The format's own limit on the header. */
  private static final long MAX_HEADER = 100_000_000;

  private static final String INDEX = "model.safetensors.index.json";
  private static final String SINGLE = "model.safetensors";

  private final Path path;
  private final List<FileChannel> channels = new ArrayList<>();
  private final Map<String, Stored> tensors = new LinkedHashMap<>();

  private record Stored(
      TensorInfo info, Path file, FileChannel channel, long data, long begin, long end) {}

  private SafetensorsFile(Path path) {
    this.path = path;
  }

  /**
   * Opens a file, an index file, or a folder with an index or {@code model.safetensors}.
   *
   * @throws CheckpointFormatException when the header or the index is inconsistent
   * @throws UncheckedIOException when a file cannot be read
   */
  public static SafetensorsFile open(Path path) {
    SafetensorsFile opened = new SafetensorsFile(path);
    try {
      opened.openAll();
      return opened;
    } catch (IOException e) {
      opened.close();
      throw new UncheckedIOException(path + ": " + e.getMessage(), e);
    } catch (RuntimeException e) {
      opened.close();
      throw e;
    }
  }

  /** Whether a folder contains weights in one of the forms that {@link #open} reads. */
  public static boolean isIn(Path folder) {
    return Files.exists(folder.resolve(INDEX)) || Files.exists(folder.resolve(SINGLE));
  }

  private void openAll() throws IOException {
    if (!Files.isDirectory(path)) {
      if (path.toString().endsWith(".index.json")) {
        openShards(path);
      } else {
        openFile(path);
      }
      return;
    }
    refuseAdapter(path);
    Path index = path.resolve(INDEX);
    Path single = path.resolve(SINGLE);
    if (Files.exists(index)) {
      openShards(index);
    } else if (Files.exists(single)) {
      openFile(single);
    } else {
      throw new CheckpointFormatException(
          Kind.FOREIGN,
          path,
          "contains neither model.safetensors nor model.safetensors.index.json; only safetensors"
              + " weights are read (pickled .bin or .pt files can be saved again as safetensors)");
    }
  }

  private void openShards(Path index) throws IOException {
    if (Files.size(index) > MAX_HEADER) {
      throw new CheckpointFormatException(
          Kind.CORRUPT, index, "an index of " + Files.size(index) + " bytes cannot be one");
    }
    JsonNode map = parse(index, Files.readAllBytes(index)).path("weight_map");
    if (!map.isObject()) {
      throw new CheckpointFormatException(Kind.CORRUPT, index, "has no object 'weight_map'");
    }
    Set<String> files = new LinkedHashSet<>();
    map.forEach(file -> files.add(file.asText()));
    for (String file : files) {
      if (!PlainName.matches(file)) {
        throw new CheckpointFormatException(
            Kind.CORRUPT, index, "shard '" + file + "' is not the name of a file beside the index");
      }
      Path shard = index.resolveSibling(file);
      if (!Files.isRegularFile(shard)) {
        throw new CheckpointFormatException(
            Kind.TRUNCATED, index, "shard " + file + " is missing; fetch the folder again");
      }
      openFile(shard);
    }
    List<String> problems = new ArrayList<>();
    map.properties()
        .forEach(
            e -> {
              Stored stored = tensors.get(e.getKey());
              if (stored == null || !stored.file.endsWith(e.getValue().asText())) {
                problems.add(e.getKey() + " is not in " + e.getValue().asText());
              }
            });
    tensors.keySet().stream()
        .filter(name -> !map.has(name))
        .forEach(name -> problems.add(name + " is in a shard but not in the index"));
    if (!problems.isEmpty()) {
      int more = problems.size() - 3;
      throw new CheckpointFormatException(
          Kind.CORRUPT,
          index,
          String.join("; ", problems.subList(0, Math.min(3, problems.size())))
              + (more > 0 ? "; and %d more".formatted(more) : ""));
    }
  }

  private void openFile(Path file) throws IOException {
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
    channels.add(channel);
    long size = channel.size();
    Optional<String> other = otherThanSafetensors(file);
    if (other.isPresent()) {
      throw new CheckpointFormatException(
          size == 0 ? Kind.TRUNCATED : Kind.FOREIGN, file, other.get());
    }
    if (size < 8) {
      throw new CheckpointFormatException(
          Kind.TRUNCATED, file, "has " + size + " bytes; a safetensors file starts with 8");
    }
    long length = readFully(channel, 0, 8).getLong();
    if (length < 2 || length > MAX_HEADER) {
      throw new CheckpointFormatException(
          Kind.FOREIGN,
          file,
          "is not a safetensors file: its header would have "
              + Long.toUnsignedString(length)
              + " bytes, but the allowed range is 2 to "
              + MAX_HEADER);
    }
    if (length > size - 8) {
      throw new CheckpointFormatException(
          Kind.TRUNCATED,
          file,
          "ends within its header: the header has %d bytes, the file %d".formatted(length, size));
    }
    long data = 8 + length;
    List<Stored> found = header(file, channel, data, readFully(channel, 8, (int) length).array());
    checkCoverage(file, found, size - data);
    for (Stored stored : found) {
      Stored twin = tensors.putIfAbsent(stored.info.name(), stored);
      if (twin != null) {
        throw new CheckpointFormatException(
            Kind.CORRUPT, file, stored.info.name() + " is also in " + twin.file.getFileName());
      }
    }
  }

  private static List<Stored> header(Path file, FileChannel channel, long data, byte[] json)
      throws IOException {
    List<Stored> found = new ArrayList<>();
    try (JsonParser parser = Json.STRICT.createParser(json)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new CheckpointFormatException(Kind.CORRUPT, file, "its header is not a JSON object");
      }
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = parser.currentName();
        parser.nextToken();
        JsonNode described = parser.readValueAsTree();
        if (!name.equals("__metadata__")) {
          found.add(tensor(file, channel, data, name, described));
        }
      }
      if (parser.nextToken() != null) {
        throw new CheckpointFormatException(
            Kind.CORRUPT, file, "its header continues after its JSON object");
      }
    } catch (JsonProcessingException e) {
      throw new CheckpointFormatException(
          Kind.CORRUPT, file, "its header is damaged: " + e.getOriginalMessage(), e);
    }
    return found;
  }

  /** Recognises other files that are often found in place of a safetensors file. */
  private static Optional<String> otherThanSafetensors(Path file) throws IOException {
    byte[] start;
    try (InputStream in = Files.newInputStream(file)) {
      start = in.readNBytes(512);
    }
    String text = new String(start, StandardCharsets.ISO_8859_1);
    boolean pickle = text.matches("(?s)\u0080[\u0001-\u0005].*");
    if (text.startsWith("PK\u0003\u0004") || pickle) {
      return Optional.of(
          (pickle ? "is a pickle" : "is a zip archive, as PyTorch's .bin and .pt files are")
              + ", which is never read: save the model as safetensors");
    }
    if (text.startsWith("GGUF") || text.startsWith("\u0093NUMPY")) {
      return Optional.of(
          "is a %s file; safetensors and npz are read"
              .formatted(text.startsWith("GGUF") ? "GGUF" : "numpy .npy"));
    }
    return PlaceholderFile.reason(start);
  }

  /** Whether a file begins like a safetensors file: with a length and a brace. */
  static boolean beginsLikeOne(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] start = in.readNBytes(9);
      return start.length == 9 && start[8] == '{' && start[7] == 0 && start[6] == 0;
    }
  }

  private static Stored tensor(
      Path file, FileChannel channel, long data, String name, JsonNode node) {
    ElementType type =
        ElementType.ofSafetensors(node.path("dtype").asText())
            .orElseThrow(
                () ->
                    new CheckpointFormatException(
                        Kind.FOREIGN,
                        file,
                        "%s has dtype %s; supported are %s"
                            .formatted(name, node.path("dtype"), List.of(ElementType.values()))));
    Shape shape;
    long[] offsets;
    try {
      shape = TensorInfo.checkedShape(integers(node.path("shape")), type);
      offsets = integers(node.path("data_offsets"));
    } catch (ArithmeticException e) {
      throw new CheckpointFormatException(
          Kind.CORRUPT, file, name + " is described by " + node + ": " + e.getMessage(), e);
    }
    TensorInfo info = new TensorInfo(name, type, shape);
    if (offsets.length != 2 || offsets[0] < 0 || offsets[1] < offsets[0]) {
      throw new CheckpointFormatException(
          Kind.CORRUPT,
          file,
          name + " has data_offsets " + node.path("data_offsets") + "; expected [begin, end]");
    }
    if (offsets[1] - offsets[0] != info.byteSize()) {
      throw new CheckpointFormatException(
          Kind.CORRUPT,
          file,
          "%s of %s %s needs %d bytes, its data_offsets give %d"
              .formatted(name, type, shape, info.byteSize(), offsets[1] - offsets[0]));
    }
    return new Stored(info, file, channel, data, offsets[0], offsets[1]);
  }

  /**
   * Checks that the data are covered from the first byte to the last, without holes, overlaps or a
   * remainder.
   */
  private static void checkCoverage(Path file, List<Stored> found, long available) {
    List<Stored> ordered = new ArrayList<>(found);
    ordered.sort(Comparator.comparingLong(Stored::begin).thenComparingLong(Stored::end));
    long end = 0;
    for (Stored stored : ordered) {
      if (stored.begin != end) {
        throw new CheckpointFormatException(
            Kind.CORRUPT,
            file,
            "%s begins at byte %d of the data, where %d was expected: %s"
                .formatted(
                    stored.info.name(),
                    stored.begin,
                    end,
                    stored.begin < end ? "tensors overlap" : "there is a hole"));
      }
      end = stored.end;
    }
    if (end > available) {
      throw new CheckpointFormatException(
          Kind.TRUNCATED,
          file,
          "ends early: its tensors have %d bytes, of which the file contains %d; fetch it again"
              .formatted(end, available));
    }
    if (end < available) {
      throw new CheckpointFormatException(
          Kind.CORRUPT,
          file,
          (available - end) + " bytes after the last tensor do not belong to any tensor");
    }
  }

  private static long[] integers(JsonNode node) {
    if (!node.isArray()) {
      throw new ArithmeticException("expected a list of integers, got " + node);
    }
    long[] values = new long[node.size()];
    for (int i = 0; i < values.length; i++) {
      if (!node.get(i).isIntegralNumber() || !node.get(i).canConvertToLong()) {
        throw new ArithmeticException("expected integers, got " + node);
      }
      values[i] = node.get(i).longValue();
    }
    return values;
  }

  private static JsonNode parse(Path file, byte[] json) throws IOException {
    try {
      JsonNode node = Json.STRICT.readTree(json);
      if (node == null || !node.isObject()) {
        throw new CheckpointFormatException(
            Kind.CORRUPT, file, PlaceholderFile.reason(file).orElse("is not a JSON object"));
      }
      return node;
    } catch (JsonProcessingException e) {
      throw new CheckpointFormatException(
          Kind.CORRUPT,
          file,
          PlaceholderFile.reason(file).orElse("is damaged: " + e.getOriginalMessage()),
          e);
    }
  }

  private static ByteBuffer readFully(FileChannel channel, long position, int length)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, position + buffer.position()) < 0) {
        throw new IOException("file became shorter while it was read");
      }
    }
    return buffer.flip();
  }

  @Override
  public Path path() {
    return path;
  }

  @Override
  public Set<String> names() {
    return Collections.unmodifiableSet(tensors.keySet());
  }

  @Override
  public TensorInfo info(String name) {
    return stored(name).info;
  }

  @Override
  public TensorBytes bytes(String name) {
    Stored stored = stored(name);
    return TensorBytes.inFile(
        stored.file, stored.channel, stored.data + stored.begin, stored.info.byteSize());
  }

  /**
   * All tensors as arrays of the manager, each in the number format in which it is stored. On the
   * CPU an array shares the memory of the file: nothing is read before it is used, and changes
   * remain in this process. Only tensors that are not aligned are copied (see {@link
   * MappedFile#ALIGNMENT}). The file may be closed, and even removed, while the arrays are in use.
   *
   * @throws IllegalArgumentException when a tensor is neither F32 nor BF16
   */
  public Map<String, NDArray> arrays(NDManager manager) {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    try (NDManager maps = manager.newSubManager(Device.cpu())) {
      Map<String, MappedFile> files = new HashMap<>();
      for (Stored stored : tensors.values()) {
        arrays.put(stored.info.name(), array(manager, stored, maps, files));
      }
    }
    return arrays;
  }

  private NDArray array(
      NDManager manager, Stored stored, NDManager maps, Map<String, MappedFile> files) {
    TensorInfo info = stored.info;
    long begin = stored.data + stored.begin;
    int bytes = info.type().bytes();
    if (info.type() != ElementType.F32 && info.type() != ElementType.BF16) {
      throw new IllegalArgumentException(
          "%s: %s is %s, neither F32 nor BF16".formatted(path, info.name(), info.type()));
    }
    if (begin % bytes != 0 || info.elements() == 0) {
      return toArray(manager, info.name());
    }
    Precision type = info.type() == ElementType.F32 ? Precision.F32 : Precision.BF16;
    MappedFile file =
        files.computeIfAbsent(
            stored.file + " " + type,
            key ->
                MappedFile.open(
                    maps, stored.file, MappedFile.Access.READ, size(stored.channel) / bytes, type));
    NDArray shared = file.array(maps, begin / bytes, info.shape());
    if (manager.getDevice().equals(Device.cpu()) && begin % MappedFile.ALIGNMENT == 0) {
      shared.attach(manager);
      return shared;
    }
    return FloatArrays.copy(manager, manager.getDevice(), shared);
  }

  private static long size(FileChannel channel) {
    try {
      return channel.size();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Stored stored(String name) {
    Stored stored = tensors.get(name);
    if (stored == null) {
      throw new IllegalArgumentException(path + " has no tensor named " + name);
    }
    return stored;
  }

  @Override
  public void close() {
    for (FileChannel channel : channels) {
      try {
        channel.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Refuses the folder of an adapter, which does not contain a model. */
  public static void refuseAdapter(Path path) {
    if (Files.exists(path.resolve("adapter_config.json"))
        && !Files.exists(path.resolve("config.json"))) {
      throw new CheckpointFormatException(Kind.FOREIGN, path, CheckpointFormatException.ADAPTER);
    }
  }
}
