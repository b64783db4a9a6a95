package dev.palimpsest.mixtures.images;

import com.twelvemonkeys.imageio.plugins.tiff.TIFFImageReaderSpi;
import java.awt.image.BufferedImage;
import java.awt.image.Raster;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.imageio.ImageReader;
import org.jspecify.annotations.Nullable;

/**
 * TIFF files (TIFF 6.0, BigTIFF). This class reads the directories and decides what the samples
 * mean; TwelveMonkeys' reader decompresses them.
 */
final class TiffFile {
  private static final int MOST_VALUES =
      64; // the most values of a tag that are read; the rest is ignored

  private static final Map<Integer, String> MODELS =
      Map.of(
          4, "a transparency mask",
          8, "CIE L*a*b*",
          9, "ICC L*a*b*",
          10, "ITU L*a*b*",
          32803, "a colour filter array",
          32844, "CIE Log2(L)",
          32845, "CIE Log2(L) (u',v')",
          34892, "linear raw");

  private static final Set<Integer> COMPRESSIONS = Set.of(1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946);

  private final byte[] bytes;
  private final List<Page> pages;

  private TiffFile(byte[] bytes, List<Page> pages) {
    this.bytes = bytes;
    this.pages = pages;
  }

  static boolean is(byte[] bytes) {
    return bytes.length >= 8
        && ((bytes[0] == 'I' && bytes[1] == 'I') || (bytes[0] == 'M' && bytes[1] == 'M'))
        && (bytes[2] == 42 || bytes[3] == 42 || bytes[2] == 43 || bytes[3] == 43);
  }

  /**
   * Reads the directories.
   *
   * @param bytes for which {@link #is} is true
   * @throws IOException when they are damaged
   */
  static TiffFile of(byte[] bytes) throws IOException {
    ByteBuffer file = ByteBuffer.wrap(bytes);
    file.order(bytes[0] == 'I' ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
    if (file.getShort(2) != 42 && file.getShort(2) != 43) {
      throw new IOException("damaged picture: a TIFF file of version " + file.getShort(2));
    }
    Layout layout = file.getShort(2) == 42 ? Layout.CLASSIC : Layout.BIG;
    List<Page> pages = new ArrayList<>();
    Set<Long> seen = new HashSet<>();
    for (long at = layout.offset(file, layout == Layout.BIG ? 8 : 4); at != 0; ) {
      if (!seen.add(at)) {
        throw new IOException("damaged picture: the directories of the TIFF file form a cycle");
      }
      long entries = at + layout.countSize <= file.limit() && at > 0 ? layout.count(file, at) : -1;
      long end = at + layout.countSize + layout.entrySize * entries;
      if (entries < 0 || entries > 0xffff || end > file.limit()) {
        throw new IOException("truncated picture: a directory of the TIFF file ends early");
      }
      pages.add(Page.of(file, layout, (int) at + layout.countSize, (int) entries));
      at = end + layout.offsetSize > file.limit() ? 0 : layout.offset(file, end);
    }
    if (pages.isEmpty()) {
      throw new IOException("damaged picture: a TIFF file without a page");
    }
    return new TiffFile(bytes, pages);
  }

  int pages() {
    return pages.size();
  }

  /**
   * Reads a page.
   *
   * @param index 0-based
   * @throws IOException when it is truncated, damaged or of a kind that is not read
   */
  Image decode(int index) throws IOException {
    Page page = pages.get(index);
    page.requireReadable();
    ImageReader reader = new TIFFImageReaderSpi().createReaderInstance(null);
    try (ByteArrayStream stream = new ByteArrayStream(bytes)) {
      reader.setInput(stream, false, true);
      ImageDecoder.requirePixels(reader.getWidth(index), reader.getHeight(index));
      BufferedImage image = reader.read(index);
      return page.photometric() == 5
          ? mixed(image.getRaster())
          : page.hasPremultipliedAlpha() && image.getRaster().getNumBands() > 3
              ? divided(image.getRaster())
              : ImageDecoder.rgb(image);
    } finally {
      reader.dispose();
    }
  }

  /** Reads inks of 8 bits, or the upper 8 of 16 bits. */
  private static Image mixed(Raster raster) {
    int width = raster.getWidth();
    int height = raster.getHeight();
    int shift = raster.getSampleModel().getSampleSize(0) - 8;
    byte[] rgb = new byte[3 * width * height];
    int[] row = new int[width * raster.getNumBands()];
    for (int y = 0, to = 0; y < height; y++) {
      raster.getPixels(0, y, width, 1, row);
      for (int at = 0; at < row.length; at += raster.getNumBands()) {
        int white = 255 - (row[at + 3] >> shift);
        for (int c = 0; c < 3; c++) {
          rgb[to++] = JpegColours.mixed(row[at + c] >> shift, white);
        }
      }
    }
    return new Image(width, height, rgb);
  }

  /** Reads colours that were multiplied by alpha, and divides by it as Pillow does. */
  private static Image divided(Raster raster) {
    int width = raster.getWidth();
    int height = raster.getHeight();
    int shift = raster.getSampleModel().getSampleSize(0) - 8;
    byte[] rgb = new byte[3 * width * height];
    int[] row = new int[width * raster.getNumBands()];
    for (int y = 0, to = 0; y < height; y++) {
      raster.getPixels(0, y, width, 1, row);
      for (int at = 0; at < row.length; at += raster.getNumBands()) {
        int alpha = row[at + 3] >> shift;
        for (int c = 0; c < 3; c++) {
          int level = row[at + c] >> shift;
          rgb[to++] = (byte) (alpha == 0 ? 0 : Math.min(255, level * 255 / alpha));
        }
      }
    }
    return new Image(width, height, rgb);
  }

  /**
   * What a directory says about its page.
   *
   * @param tags first values by tag
   */
  private record Page(Map<Integer, List<Long>> tags) {
    static Page of(ByteBuffer file, Layout layout, int first, int entries) {
      Map<Integer, List<Long>> tags = new HashMap<>();
      for (int i = 0, at = first; i < entries; i++, at += layout.entrySize) {
        List<Long> values = values(file, layout, at);
        if (values != null) {
          tags.putIfAbsent(file.getShort(at) & 0xffff, values);
        }
      }
      return new Page(tags);
    }

    /** Unsigned integers; null if a tag has other values or lies beyond the file. */
    private static @Nullable List<Long> values(ByteBuffer file, Layout layout, int entry) {
      int type = file.getShort(entry + 2) & 0xffff;
      int size = type == 1 ? 1 : type == 3 ? 2 : type == 4 ? 4 : 0;
      long count = layout.offset(file, entry + 4);
      if (size == 0 || count < 0 || count > file.limit()) {
        return null;
      }
      int field = entry + 4 + layout.offsetSize;
      long at = count * size > layout.offsetSize ? layout.offset(file, field) : field;
      if (at < 0 || at > file.limit() - count * size) {
        return null;
      }
      List<Long> values = new ArrayList<>();
      for (int i = 0; i < Math.min(count, MOST_VALUES); i++, at += size) {
        values.add(
            switch (size) {
              case 1 -> (long) (file.get((int) at) & 0xff);
              case 2 -> (long) (file.getShort((int) at) & 0xffff);
              default -> file.getInt((int) at) & 0xffffffffL;
            });
      }
      return values;
    }

    private long first(int tag, long otherwise) {
      List<Long> values = tags.getOrDefault(tag, List.of());
      return values.isEmpty() ? otherwise : values.get(0);
    }

    int photometric() {
      return (int) first(262, -1);
    }

    /** Whether the first sample after the colours is an alpha by which they were multiplied. */
    boolean hasPremultipliedAlpha() {
      return photometric() == 2 && first(338, 0) == 1;
    }

    /** Refuses, before memory is allocated, what would not be read or would be misinterpreted. */
    void requireReadable() throws IOException {
      long width = first(256, 0);
      long height = first(257, 0);
      if (width == 0 || height == 0) {
        throw new IOException("damaged picture: a TIFF page without a size");
      }
      ImageDecoder.requirePixels(width, height);
      ImageDecoder.requirePixels(first(322, 0), first(323, 0)); // tiles
      int compression = (int) first(259, 1);
      if (!COMPRESSIONS.contains(compression)) {
        throw new IOException(
            "a TIFF file with compression %d; none, CCITT, LZW, JPEG, Deflate and PackBits are read"
                .formatted(compression));
      }
      int model = photometric();
      long samples = first(277, 1);
      List<Long> bits = tags.getOrDefault(258, List.of(1L));
      if (bits.isEmpty() || bits.stream().anyMatch(b -> !b.equals(bits.get(0)))) {
        throw new IOException("a TIFF file with %s bits per sample".formatted(bits));
      }
      for (long format : tags.getOrDefault(339, List.of())) {
        if (format != 1 && format != 4) {
          throw new IOException(
              "a TIFF file of %s; only unsigned integers are read"
                  .formatted(format == 3 ? "floating-point samples" : "signed samples"));
        }
      }
      boolean knownBits =
          switch (model) {
            case 0, 1 -> List.of(1L, 2L, 4L, 8L, 16L).contains(bits.get(0));
            case 3 -> List.of(1L, 2L, 4L, 8L).contains(bits.get(0));
            case 2, 5 -> List.of(8L, 16L).contains(bits.get(0));
            case 6 -> bits.get(0) == 8;
            default ->
                throw new IOException(
                    "a TIFF file whose colour model is %s; grey, RGB, palettes, CMYK and Y'CbCr are read"
                        .formatted(
                            model < 0
                                ? "not said"
                                : MODELS.getOrDefault(model, "number " + model)));
          };
      long least = model == 5 ? 4 : model == 2 || model == 6 ? 3 : 1;
      if (!knownBits || samples < least) {
        throw new IOException(
            "a TIFF file with %d samples of %d bits and colour model %d"
                .formatted(samples, bits.get(0), model));
      }
      if (model == 5 && first(332, 1) != 1) {
        throw new IOException("a TIFF file whose inks are not cyan, magenta, yellow and black");
      }
    }
  }

  /** Where numbers are in directories. */
  private enum Layout {
    CLASSIC(2, 12, 4),
    BIG(8, 20, 8);

    private final int countSize;
    private final int entrySize;
    private final int offsetSize;

    Layout(int countSize, int entrySize, int offsetSize) {
      this.countSize = countSize;
      this.entrySize = entrySize;
      this.offsetSize = offsetSize;
    }

    /** Number of entries in a directory. */
    long count(ByteBuffer file, long at) {
      return this == CLASSIC ? file.getShort((int) at) & 0xffff : file.getLong((int) at);
    }

    /** An offset in the file, or a number of the same size. */
    long offset(ByteBuffer file, long at) {
      return this == CLASSIC ? file.getInt((int) at) & 0xffffffffL : file.getLong((int) at);
    }
  }
}
