package dev.palimpsest.checkpoints.tensors;

import ai.djl.ndarray.NDArray;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.util.List;

/**
 * What one process has of a tensor that several write.
 *
 * @param whole the tensor
 * @param first index of this process's first element in it
 * @param own this process's elements, contiguous, in the tensor's number format; there may be none
 */
public record TensorPart(TensorInfo whole, long first, NDArray own) {
  /** The same with a copy of its elements. */
  public TensorPart with(NDArray copy) {
    return new TensorPart(whole, first, copy);
  }

  /**
   * Begins a safetensors file that several processes write: its header, and room for the tensors.
   *
   * @param parts of all tensors, in their order
   */
  public static void begin(FileChannel channel, List<TensorPart> parts) throws IOException {
    ByteBuffer header = header(parts);
    long end = header.remaining() + parts.stream().mapToLong(part -> part.whole.byteSize()).sum();
    TensorOutput.writeFully(new Placed(channel, 0), header);
    if (channel.size() < end) {
      TensorOutput.writeFully(new Placed(channel, end - 1), ByteBuffer.allocate(1));
    }
  }

  /** Writes one's own elements to their places in a file that was begun with the same tensors. */
  public static void write(FileChannel channel, List<TensorPart> parts) {
    long at = header(parts).remaining();
    for (TensorPart part : parts) {
      if (part.own.size() > 0) {
        Tensor.of(part.whole.name(), part.own)
            .writeTo(new Placed(channel, at + part.first * part.whole.type().bytes()));
      }
      at += part.whole.byteSize();
    }
  }

  private static ByteBuffer header(List<TensorPart> parts) {
    return SafetensorsWriter.header(parts.stream().map(TensorPart::whole).toList());
  }

  /** Writes from a place in a file on. */
  private static final class Placed implements WritableByteChannel {
    private final FileChannel file;
    private long at;

    Placed(FileChannel file, long at) {
      this.file = file;
      this.at = at;
    }

    @Override
    public int write(ByteBuffer bytes) throws IOException {
      int n = file.write(bytes, at);
      at += n;
      return n;
    }

    @Override
    public boolean isOpen() {
      return file.isOpen();
    }

    @Override
    public void close() {}
  }
}
