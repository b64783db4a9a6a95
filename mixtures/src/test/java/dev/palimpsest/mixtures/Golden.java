package dev.palimpsest.mixtures;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Reference data in {@code src/test/resources/golden}. */
public final class Golden {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Golden() {}

  public static Path file(String name) {
    URL url = Objects.requireNonNull(Golden.class.getResource("/golden/" + name), name);
    try {
      return Path.of(url.toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  public static JsonNode json(String name) {
    return json(file(name));
  }

  public static JsonNode json(Path file) {
    try {
      return JSON.readTree(Files.readAllBytes(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static int[] ints(JsonNode array) {
    int[] ints = new int[array.size()];
    for (int i = 0; i < ints.length; i++) {
      ints[i] = array.get(i).intValue();
    }
    return ints;
  }

  /** A safetensors file: 8 bytes of header length, a JSON header, data. */
  public static Tensors tensors(String name) {
    try {
      ByteBuffer bytes =
          ByteBuffer.wrap(Files.readAllBytes(file(name))).order(ByteOrder.LITTLE_ENDIAN);
      int length = (int) bytes.getLong();
      JsonNode header = JSON.readTree(bytes.array(), 8, length);
      return new Tensors(header, bytes.slice(8 + length, bytes.capacity() - 8 - length));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** An opened safetensors file. */
  public record Tensors(JsonNode header, ByteBuffer data) {
    public List<String> names() {
      List<String> names = new ArrayList<>();
      header.fieldNames().forEachRemaining(names::add);
      names.remove("__metadata__");
      return names;
    }

    public int[] shape(String name) {
      return Golden.ints(header.path(name).path("shape"));
    }

    public byte[] bytes(String name) {
      ByteBuffer slice = slice(name);
      byte[] bytes = new byte[slice.remaining()];
      slice.get(bytes);
      return bytes;
    }

    public float[] floats(String name) {
      FloatBuffer slice = slice(name).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
      float[] floats = new float[slice.remaining()];
      slice.get(floats);
      return floats;
    }

    public int[] ints(String name) {
      var slice = slice(name).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
      int[] ints = new int[slice.remaining()];
      slice.get(ints);
      return ints;
    }

    private ByteBuffer slice(String name) {
      JsonNode offsets = header.path(name).path("data_offsets");
      int from = offsets.path(0).intValue();
      return data.slice(from, offsets.path(1).intValue() - from);
    }
  }
}
