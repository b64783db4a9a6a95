package dev.palimpsest.mixtures.formats;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Reads the members of a tar archive in place (POSIX ustar and pax, GNU long names). Only regular
 * files are members; folders and links are skipped. Names are keys and never become paths, so they
 * may be absolute; a name with {@code ..} that leads out of the archive is nevertheless refused.
 * Thread-safe.
 */
public final class TarFile implements AutoCloseable {
  private static final int BLOCK = 512;

  /** The most bytes of a name or pax header; a longer one is damaged. */
  private static final int LONGEST_HEAD = 1 << 20;

  private final FileBytes file;

  private TarFile(FileBytes file) {
    this.file = file;
  }

  /**
   * A regular file in the archive.
   *
   * @param name with slashes
   * @param start of its first header, extended ones included
   * @param content start of its bytes
   * @param size in bytes
   * @param end where the next member starts
   */
  public record Member(String name, long start, long content, long size, long end) {}

  /**
   * Opens an archive.
   *
   * @throws MalformedFileException when it is compressed
   */
  public static TarFile open(Path path) throws IOException {
    FileBytes file = FileBytes.open(path);
    try {
      if (file.size() == 0) {
        throw new MalformedFileException(
            path + " is empty; even an archive without members has 1024 bytes");
      }
      FileHead.refuseWrapped(path, FileHead.of(file));
      return new TarFile(file);
    } catch (RuntimeException | IOException e) {
      file.close();
      throw e;
    }
  }

  /** The archive's path. */
  public Path path() {
    return file.path();
  }

  /**
   * The next regular file.
   *
   * @param from 0, or the end of another member
   * @return null at the archive's end
   * @throws MalformedFileException when a header is damaged or a member extends beyond the file
   */
  public @Nullable Member next(long from) throws IOException {
    long start = from;
    long at = from;
    String longName = null;
    long paxSize = -1;
    while (at < file.size()) {
      if (file.size() - at < BLOCK) {
        throw malformed(at, "a header of %d bytes; it is truncated".formatted(file.size() - at));
      }
      byte[] head = file.bytes(at, BLOCK);
      if (isZero(head)) {
        return null;
      }
      check(head, at);
      byte type = head[156];
      long size = paxSize >= 0 ? paxSize : number(head, 124, 12, at);
      if (type >= '1' && type <= '6') {
        size = 0; // for links, devices and folders the size is a hint, and no data follows
      }
      long content = at + BLOCK;
      if (size < 0 || size > file.size() - content) {
        throw malformed(
            at,
            "a member of %d bytes extends beyond the file of %d; it is truncated"
                .formatted(size, file.size()));
      }
      long end = Math.min(file.size(), content + (size + BLOCK - 1) / BLOCK * BLOCK);
      switch (type) {
        case 'L' -> longName = text(extended(content, size, at));
        case 'x' -> {
          Pax pax = pax(extended(content, size, at), at);
          longName = pax.path() != null ? pax.path() : longName;
          paxSize = pax.size();
        }
        case 'g', 'K' -> {} // they do not affect names and sizes
        case 0, '0', '7' -> {
          String name = longName != null ? longName : name(head);
          if (!name.endsWith("/")) { // a folder, as written by early versions of tar
            refuseOutside(name, at);
            return new Member(name, start, content, size, end);
          }
          longName = null;
          paxSize = -1;
        }
        case 'S' -> throw malformed(at, "a sparse member, which is not read");
        default -> {
          longName = null;
          paxSize = -1;
        }
      }
      at = end;
      if (type != 'L' && type != 'x' && type != 'g' && type != 'K') {
        start = at;
      }
    }
    return null;
  }

  /** Whether anything follows the last member, which is normally an end marker. */
  public boolean isFollowed(Member last) {
    return last.end() < file.size();
  }

  /** A member's bytes; an {@link IOException} when it has more than 2 GiB. */
  public byte[] read(Member member) throws IOException {
    if (member.size() > Integer.MAX_VALUE - 8) {
      throw new IOException("member of %d bytes".formatted(member.size()));
    }
    return file.bytes(member.content(), (int) member.size());
  }

  private byte[] extended(long content, long size, long at) throws IOException {
    if (size > LONGEST_HEAD) {
      throw malformed(at, "an extended header of %d bytes".formatted(size));
    }
    return file.bytes(content, (int) size);
  }

  private record Pax(@Nullable String path, long size) {}

  /** Records "length key=value\n", the length counting itself. */
  private Pax pax(byte[] bytes, long at) {
    String path = null;
    long size = -1;
    int from = 0;
    while (from < bytes.length && bytes[from] != 0) {
      int space = from;
      while (space < bytes.length && bytes[space] != ' ') {
        space++;
      }
      long length = digits(new String(bytes, from, space - from, StandardCharsets.US_ASCII), 10);
      if (length <= space - from + 1 || length > bytes.length - from) {
        throw malformed(at, "a damaged pax header");
      }
      String record =
          new String(bytes, space + 1, from + (int) length - space - 2, StandardCharsets.UTF_8);
      if (record.startsWith("path=")) {
        path = record.substring("path=".length());
      } else if (record.startsWith("size=")) {
        size = digits(record.substring("size=".length()), 10);
        if (size < 0) {
          throw malformed(at, "a pax header with " + record);
        }
      } else if (record.startsWith("GNU.sparse.")) {
        throw malformed(at, "a sparse member, which is not read");
      }
      from += (int) length;
    }
    return new Pax(path, size);
  }

  private static long digits(String text, int radix) {
    try {
      return Long.parseLong(text, radix);
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  private static boolean isZero(byte[] head) {
    for (byte b : head) {
      if (b != 0) {
        return false;
      }
    }
    return true;
  }

  /**
   * The sum of the header's bytes, with its own field as spaces; some versions of tar used signed
   * bytes.
   */
  private void check(byte[] head, long at) {
    int sum = 0;
    int signed = 0;
    for (int i = 0; i < BLOCK; i++) {
      boolean own = i >= 148 && i < 156;
      sum += own ? ' ' : head[i] & 0xff;
      signed += own ? ' ' : head[i];
    }
    long told = number(head, 148, 8, at);
    if (sum != told && signed != told) {
      throw malformed(
          at, "a header with a wrong checksum; this is not a tar archive, or a damaged one");
    }
  }

  /** Octal, or base 256 where the first bit is set (GNU). */
  private long number(byte[] head, int from, int length, long at) {
    if ((head[from] & 0x80) != 0) {
      long value = head[from] & 0x7f;
      for (int i = 1; i < length; i++) {
        if (value >>> 54 != 0) {
          throw malformed(at, "a number of more than 63 bits");
        }
        value = value << 8 | (head[from + i] & 0xff);
      }
      return value;
    }
    String text =
        new String(head, from, length, StandardCharsets.US_ASCII).replace('\0', ' ').strip();
    long value = text.isEmpty() ? 0 : digits(text, 8);
    if (value < 0) {
      throw malformed(at, "'%s' instead of an octal number".formatted(text));
    }
    return value;
  }

  private static String name(byte[] head) {
    String name = text(Arrays.copyOfRange(head, 0, 100));
    boolean ustar = new String(head, 257, 6, StandardCharsets.US_ASCII).equals("ustar\0");
    String prefix = ustar ? text(Arrays.copyOfRange(head, 345, 500)) : "";
    return prefix.isEmpty() ? name : prefix + "/" + name;
  }

  /** A text up to the first zero byte. */
  private static String text(byte[] bytes) {
    int length = 0;
    while (length < bytes.length && bytes[length] != 0) {
      length++;
    }
    return new String(bytes, 0, length, StandardCharsets.UTF_8);
  }

  private void refuseOutside(String name, long at) {
    boolean climbs = Arrays.asList(name.split("/")).contains("..");
    if (name.isEmpty() || climbs) {
      throw malformed(at, "a member called '%s', which leads out of the archive".formatted(name));
    }
  }

  private MalformedFileException malformed(long at, String what) {
    return new MalformedFileException("%s, byte %d: %s".formatted(file.path(), at, what));
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
