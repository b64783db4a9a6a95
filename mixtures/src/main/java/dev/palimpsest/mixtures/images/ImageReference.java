package dev.palimpsest.mixtures.images;

import dev.palimpsest.configs.data.ImageConfig.Jpeg;
import dev.palimpsest.configs.data.Orientation;
import dev.palimpsest.mixtures.formats.BadExampleException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * A picture that has not been decoded.
 *
 * @param name for messages: a path, or where the bytes stand ({@code shard-3.tar!000123.jpg})
 * @param content the file's bytes
 * @param frame which frame of an animation, 0-based; 0 for a still
 * @param orientation which way up it is seen; absent: as it is stored
 * @param correction how it is turned instead, where a table says so; else {@link Turn#NONE}
 */
public record ImageReference(
    String name, Content content, int frame, @Nullable Orientation orientation, Turn correction) {
  /** Checks the frame. */
  public ImageReference {
    if (frame < 0) {
      throw new IllegalArgumentException("frames count from 0, got " + frame);
    }
  }

  /** A picture as it is stored. */
  public ImageReference(String name, Content content, int frame) {
    this(name, content, frame, null, Turn.NONE);
  }

  /** The bytes of an encoded picture. Thread-safe. */
  public interface Content {
    /**
     * Reads all of them, also when the source that named the picture is closed.
     *
     * @throws java.nio.file.NoSuchFileException when there is no such file
     * @throws IOException when it cannot be read
     */
    byte[] read() throws IOException;
  }

  /** The first frame of a file, which need not exist yet. */
  public static ImageReference file(Path path) {
    return new ImageReference(path.toString(), new FileContent(path), 0);
  }

  /** The same picture, seen another way up. */
  public ImageReference with(@Nullable Orientation other) {
    return new ImageReference(name, content, frame, other, correction);
  }

  /** The same picture, turned as a table says, whatever its orientation. */
  public ImageReference turned(Turn other) {
    return new ImageReference(name, content, frame, orientation, other);
  }

  /**
   * Reads and decodes the picture, and turns it.
   *
   * @throws IOException as {@link Content#read} and {@link ImageDecoder#decode(byte[], int)} do
   */
  public Image decode() throws IOException {
    return decode(content.read());
  }

  /**
   * The same.
   *
   * @param jpeg how JPEG files are decoded
   * @param memory gives bytes for the stored levels, whatever they hold; not every format asks
   */
  public Image decode(Jpeg jpeg, IntFunction<byte[]> memory) throws IOException {
    byte[] bytes = content.read();
    return turn(bytes).of(ImageDecoder.decode(bytes, frame, jpeg, memory));
  }

  /**
   * The same from the content's bytes, read before.
   *
   * @throws IOException as {@link ImageDecoder#decode(byte[], int)} does
   */
  public Image decode(byte[] bytes) throws IOException {
    return turn(bytes).of(ImageDecoder.decode(bytes, frame));
  }

  /**
   * How the stored picture is turned.
   *
   * @param bytes the content's
   */
  public Turn turn(byte[] bytes) {
    if (correction != Turn.NONE || orientation == null) {
      return correction;
    }
    return ExifOrientation.of(bytes, frame);
  }

  /** The folder that this names instead of a file, if it does: one of frames. */
  public Optional<Path> folder() {
    return content instanceof FileContent file && Files.isDirectory(file.path())
        ? Optional.of(file.path())
        : Optional.empty();
  }

  /** What is wrong with an example whose picture this is, as it could not be read. */
  public BadExampleException unread(String example, IOException cause) {
    return new BadExampleException(
        cause instanceof NoSuchFileException
            ? "example %s: image %s does not exist".formatted(example, name)
            : "example %s: image %s: %s".formatted(example, name, cause.getMessage()),
        cause);
  }

  private record FileContent(Path path) implements Content {
    /** More than the most pixels take in any format. */
    private static final long LARGEST = 1L << 30;

    @Override
    public byte[] read() throws IOException {
      if (Files.exists(path) && !Files.isRegularFile(path)) {
        throw new IOException("a pipe, a device or a folder, where a picture should be");
      }
      if (Files.exists(path) && Files.size(path) > LARGEST) {
        throw new IOException(
            "%d bytes, more than any picture (%d)".formatted(Files.size(path), LARGEST));
      }
      return Files.readAllBytes(path);
    }
  }
}
