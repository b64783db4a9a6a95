package dev.palimpsest.checkpoints.tensors;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.files.Durable;
import dev.palimpsest.files.Json;
import dev.palimpsest.files.WrittenFile;
import dev.palimpsest.model.kernels.MappedFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Writes safetensors files; equal tensors in equal order give equal bytes. */
public final class SafetensorsWriter {
  /** The same limit as in transformers: 5 GB. */
  public static final long MAX_SHARD_BYTES = 5_000_000_000L;

  private SafetensorsWriter() {}

  /**
   * Writes one file: the header, then the tensors in their order. The header is padded with spaces
   * so that the data begins where {@link SafetensorsFile#arrays} can share its memory.
   */
  public static void write(WritableByteChannel channel, List<Tensor> tensors) throws IOException {
    TensorOutput.writeFully(channel, header(tensors.stream().map(Tensor::info).toList()));
    for (Tensor tensor : tensors) {
      tensor.writeTo(channel);
    }
  }

  /** What stands before the data of these tensors. */
  static ByteBuffer header(List<TensorInfo> tensors) {
    ObjectNode header = Json.STRICT.createObjectNode();
    header.putObject("__metadata__").put("format", "pt");
    long offset = 0;
    for (TensorInfo info : tensors) {
      ObjectNode entry = header.putObject(info.name());
      entry.put("dtype", info.type().name());
      ArrayNode shape = entry.putArray("shape");
      for (long d : info.shape().getShape()) {
        shape.add(d);
      }
      entry.putArray("data_offsets").add(offset).add(offset + info.byteSize());
      offset += info.byteSize();
    }
    byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
    int unit = MappedFile.ALIGNMENT;
    int length = (Long.BYTES + json.length + unit - 1) / unit * unit;
    ByteBuffer head = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    head.putLong(length - Long.BYTES).put(json);
    while (head.hasRemaining()) {
      head.put((byte) ' ');
    }
    return head.flip();
  }

  /** Writes one file into a folder that is being created. */
  public static WrittenFile write(Path file, List<Tensor> tensors) throws IOException {
    return Durable.writeHashed(file, bytes(tensors), channel -> write(channel, tensors));
  }

  private static long bytes(List<Tensor> tensors) {
    return tensors.stream().mapToLong(tensor -> tensor.info().byteSize()).sum();
  }

  /**
   * Writes {@code model.safetensors}, or shards with an index if the total exceeds the limit.
   *
   * @param folder a folder that is being created
   * @return what was written
   */
  public static List<WrittenFile> writeFolder(Path folder, List<Tensor> tensors, long maxShardBytes)
      throws IOException {
    List<List<Tensor>> shards = shards(tensors, maxShardBytes);
    Map<String, String> weightMap = new TreeMap<>();
    List<WrittenFile> written = new ArrayList<>();
    for (int i = 0; i < shards.size(); i++) {
      List<Tensor> shard = shards.get(i);
      String name =
          shards.size() == 1
              ? "model.safetensors"
              : String.format(Locale.ROOT, "model-%05d-of-%05d.safetensors", i + 1, shards.size());
      shard.forEach(tensor -> weightMap.put(tensor.info().name(), name));
      written.add(write(folder.resolve(name), shard));
    }
    if (shards.size() > 1) {
      ObjectNode index = Json.STRICT.createObjectNode();
      index.putObject("metadata").put("total_size", bytes(tensors));
      index.set("weight_map", Json.STRICT.valueToTree(weightMap));
      written.add(
          Durable.write(
              folder.resolve("model.safetensors.index.json"),
              (index.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8)));
    }
    return written;
  }

  /**
   * Divides the tensors into shards, in order; a shard is full when the next tensor would exceed
   * the limit.
   */
  private static List<List<Tensor>> shards(List<Tensor> tensors, long maxBytes) {
    List<List<Tensor>> shards = new ArrayList<>();
    List<Tensor> shard = new ArrayList<>();
    long bytes = 0;
    for (Tensor tensor : tensors) {
      if (!shard.isEmpty() && bytes + tensor.info().byteSize() > maxBytes) {
        shards.add(shard);
        shard = new ArrayList<>();
        bytes = 0;
      }
      shard.add(tensor);
      bytes += tensor.info().byteSize();
    }
    shards.add(shard);
    return shards;
  }
}
