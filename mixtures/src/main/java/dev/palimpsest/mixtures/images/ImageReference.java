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
 * @param name for messages: a path, or where the bytes are ({@code shard-3.tar!000123.jpg})
 * @param content the file's bytes
 * @param frame which frame of an animation, 0-based; 0 for a still picture
 * @param orientation the orientation in which it is seen; absent: as stored
 * @param correction how it is turned instead if a table says so; otherwise {@link Turn#NONE}
 */
public record ImageReference(
    String name, Content content, int frame, @Nullable Orientation orientation, Turn correction) {
  /** Checks that the frame is not negative. */
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
     * Reads all of them, even after the source that named the picture was closed.
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

  /** The same picture in another orientation. */
  public ImageReference with(@Nullable Orientation other) {
    return new ImageReference(name, content, frame, other, correction);
  }

  /** The same picture, turned as a table says, whatever its own orientation. */
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
   * Reads and decodes the picture with given settings, and turns it.
   *
   * @param jpeg how JPEG files are decoded
   * @param memory provides a byte array for the stored levels, with any contents; some formats do
   *     not use it
   */
  public Image decode(Jpeg jpeg, IntFunction<byte[]> memory) throws IOException {
    byte[] bytes = content.read();
    return turn(bytes).of(ImageDecoder.decode(bytes, frame, jpeg, memory));
  }

  /**
   * The same for the content's bytes, which were already read.
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

  /** The folder of frames that this names instead of a file, if it does. */
  public Optional<Path> folder() {
    return content instanceof FileContent file && Files.isDirectory(file.path())
        ? Optional.of(file.path())
        : Optional.empty();
  }

  /** Describes the example whose picture this is, after it could not be read. */
  public BadExampleException unread(String example, IOException cause) {
    return new BadExampleException(
        cause instanceof NoSuchFileException
            ? "example %s: image %s does not exist".formatted(example, name)
            : "example %s: image %s: %s".formatted(example, name, cause.getMessage()),
        cause);
  }

  private record FileContent(Path path) implements Content {
    /** More bytes than the most pixels take in any format. */
    private static final long LARGEST = 1L << 30;

    @Override
    public byte[] read() throws IOException {
      if (Files.exists(path) && !Files.isRegularFile(path)) {
        throw new IOException("a pipe, a device or a folder; expected a picture");
      }
      if (Files.exists(path) && Files.size(path) > LARGEST) {
        throw new IOException(
            "%d bytes, more than any picture (%d)".formatted(Files.size(path), LARGEST));
      }
      return Files.readAllBytes(path);
    }
  }
}
