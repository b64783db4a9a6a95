package dev.palimpsest.mixtures.images;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * The orientation in a file's metadata: the EXIF segments of JPEG (CIPA DC-008), the {@code eXIf}
 * chunk of PNG, the {@code EXIF} chunk of WebP, and the page's own directory of TIFF. Text profiles
 * and XMP are ignored.
 *
 * <p>Damage is never an error: if a directory ends early or points beyond the file, the entries
 * before that point count, as in Pillow; otherwise there is no orientation.
 */
final class ExifOrientation {
  private static final int TAG = 0x0112;

  /** Bytes of a value by TIFF type, starting at 0; 0 if there is no such type. */
  private static final int[] SIZES = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4};

  private static final byte[] JPEG = latin("\u00ff\u00d8");
  private static final byte[] PNG = latin("\u0089PNG\r\n\u001a\n");
  private static final byte[] PNG_CHUNK = latin("eXIf");
  private static final byte[] RIFF = latin("RIFF");
  private static final byte[] WEBP =
      latin("WEBPVP8X"); // the extended format, which may contain EXIF
  private static final byte[] WEBP_CHUNK = latin("EXIF");
  private static final byte[] EXIF = latin("Exif\0\0");
  private static final int ENTRY = 12; // bytes of a directory entry

  private ExifOrientation() {}

  /**
   * How a picture must be turned to be upright.
   *
   * @param file the whole file, in any format
   * @param frame which page of a TIFF file, 0-based
   */
  static Turn of(byte[] file, int frame) {
    ByteBuffer bytes = ByteBuffer.wrap(file);
    if (startsWith(bytes, 0, JPEG)) {
      return turn(ofJpeg(bytes), 0);
    }
    if (startsWith(bytes, 0, PNG)) {
      return turn(ofPng(bytes), 0);
    }
    if (startsWith(bytes, 0, RIFF) && startsWith(bytes, 8, WEBP)) {
      return turn(ofWebp(bytes), 0);
    }
    return turn(bytes, frame);
  }

  private static Turn turn(@Nullable ByteBuffer tiff, int page) {
    return tiff == null ? Turn.NONE : Turn.ofValue(value(tiff, page));
  }

  /** The EXIF segments before the first scan, one after the other. */
  private static @Nullable ByteBuffer ofJpeg(ByteBuffer file) {
    ByteArrayOutputStream exif = new ByteArrayOutputStream();
    int at = 2;
    while (at + 4 <= file.limit()) {
      int marker = u8(file, at + 1);
      if (u8(file, at) != 0xff || marker == 0xff || marker == 0) {
        at++; // fill bytes, or foreign data between segments
        continue;
      }
      if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
        at += 2; // a marker without a segment
        continue;
      }
      int end = at + 2 + u16(file, at + 2);
      if (marker == 0xda || marker == 0xd9 || end < at + 4 || end > file.limit()) {
        break;
      }
      if (marker == 0xe1 && startsWith(file, at + 4, EXIF) && at + 10 <= end) {
        byte[] part = new byte[end - at - 10];
        file.get(at + 10, part);
        exif.writeBytes(part);
      }
      at = end;
    }
    return exif.size() == 0 ? null : ByteBuffer.wrap(exif.toByteArray());
  }

  /** The {@code eXIf} chunk (PNG, third edition, 11.3.4.1), unless its checksum is wrong. */
  private static @Nullable ByteBuffer ofPng(ByteBuffer file) {
    long at = 8;
    while (at + 12 <= file.limit()) {
      int chunk = (int) at;
      long length = u32(file, chunk);
      at += 12 + length; // length, type, data, checksum
      if (at <= file.limit() && startsWith(file, chunk + 4, PNG_CHUNK)) {
        CRC32 checksum = new CRC32();
        checksum.update(file.slice(chunk + 4, (int) length + 4));
        if (checksum.getValue() == u32(file, (int) at - 4)) {
          return file.slice(chunk + 8, (int) length);
        }
      }
    }
    return null;
  }

  /** The {@code EXIF} chunk of an extended file whose header says that there is one. */
  private static @Nullable ByteBuffer ofWebp(ByteBuffer file) {
    if (file.limit() < 30 || (u8(file, 20) & 0x08) == 0) {
      return null;
    }
    file.order(ByteOrder.LITTLE_ENDIAN);
    long at = 12;
    while (at + 8 <= file.limit()) {
      int chunk = (int) at;
      long length = u32(file, chunk + 4);
      at += 8 + length + (length & 1);
      if (startsWith(file, chunk, WEBP_CHUNK)) {
        return 8L + chunk + length > file.limit() ? null : file.slice(chunk + 8, (int) length);
      }
    }
    return null;
  }

  /**
   * The orientation's value in the directory of a page.
   *
   * @param tiff a TIFF file, or EXIF data, which have the same form
   * @return 0 or any invalid number if there is none
   */
  private static int value(ByteBuffer tiff, int page) {
    ByteBuffer bytes = withoutHead(tiff);
    if (bytes.limit() < 8) {
      return 0;
    }
    int order = bytes.getShort(0);
    if (order == 0x4949) {
      bytes.order(ByteOrder.LITTLE_ENDIAN);
    } else if (order != 0x4d4d) {
      return 0;
    }
    int version = bytes.getShort(2);
    if (version != 42 && version != 42 << 8) { // some programs write it in the other order
      return 0;
    }
    long at = u32(bytes, 4);
    // As many steps as there are pages before, so that a cycle of directories ends too.
    for (int i = 0; i < page; i++) {
      long next = at + 2 > bytes.limit() ? 0 : at + 2 + ENTRY * (long) u16(bytes, (int) at);
      at = next == 0 || next + 4 > bytes.limit() ? 0 : u32(bytes, (int) next);
      if (at == 0) {
        return 0;
      }
    }
    return at + 2 > bytes.limit() ? 0 : inDirectory(bytes, (int) at);
  }

  private static int inDirectory(ByteBuffer tiff, int directory) {
    int value = 0;
    int at = directory + 2;
    for (int left = u16(tiff, directory); left > 0 && at + ENTRY <= tiff.limit(); left--) {
      int type = u16(tiff, at + 2);
      long count = u32(tiff, at + 4);
      long size = type < SIZES.length ? count * SIZES[type] : 0;
      long data = size > 4 ? u32(tiff, at + 8) : at + 8;
      if (data + size > tiff.limit()) {
        break;
      }
      if (u16(tiff, at) == TAG && size > 0) {
        value = whole(tiff, (int) data, type);
      }
      at += ENTRY;
    }
    return value;
  }

  /** The first of a tag's values, if they are whole numbers of 2 or 4 bytes. */
  private static int whole(ByteBuffer tiff, int at, int type) {
    return switch (type) {
      case 3, 8 -> tiff.getShort(at);
      case 4, 9, 13 -> tiff.getInt(at);
      default -> 0;
    };
  }

  /** The data after the header that precedes EXIF in JPEG and, by mistake, in other formats. */
  private static ByteBuffer withoutHead(ByteBuffer exif) {
    int from = 0;
    while (startsWith(exif, from, EXIF)) {
      from += EXIF.length;
    }
    return exif.slice(from, exif.limit() - from);
  }

  private static byte[] latin(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static boolean startsWith(ByteBuffer bytes, int at, byte[] start) {
    return at + start.length <= bytes.limit()
        && bytes.slice(at, start.length).equals(ByteBuffer.wrap(start));
  }

  private static int u8(ByteBuffer bytes, int at) {
    return bytes.get(at) & 0xff;
  }

  private static int u16(ByteBuffer bytes, int at) {
    return bytes.getShort(at) & 0xffff;
  }

  private static long u32(ByteBuffer bytes, int at) {
    return bytes.getInt(at) & 0xffffffffL;
  }
}
