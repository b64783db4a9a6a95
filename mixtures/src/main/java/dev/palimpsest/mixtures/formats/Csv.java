package dev.palimpsest.mixtures.formats;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Comma-separated values (RFC 4180), UTF-8: quoted cells may hold commas, quotes, lines. Empty
 * lines are passed over.
 */
public final class Csv {
  private Csv() {}

  /** What is told of each row. */
  public interface Visitor {
    /**
     * One row.
     *
     * @param start its first byte
     * @param end the first byte of what follows
     */
    void row(long start, long end, List<String> cells);
  }

  /** Goes through a file once. */
  public static void scan(Path file, Visitor visitor) throws IOException {
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
      scan(in, visitor);
    }
  }

  /** The rows of a piece of a file. */
  public static List<List<String>> rows(byte[] bytes) {
    List<List<String>> rows = new ArrayList<>();
    try {
      scan(new java.io.ByteArrayInputStream(bytes), (start, end, cells) -> rows.add(cells));
    } catch (IOException e) {
      throw new IllegalStateException("bytes in memory can be read", e);
    }
    return rows;
  }

  /**
   * All rows of a file with a header.
   *
   * @param columns that the header must name
   * @return a map a row, by column
   * @throws MalformedFileException when the header lacks one or a row has another length
   */
  public static List<Map<String, String>> read(Path file, String... columns) throws IOException {
    List<List<String>> rows = new ArrayList<>();
    scan(file, (start, end, cells) -> rows.add(cells));
    if (rows.isEmpty() || !rows.get(0).containsAll(List.of(columns))) {
      throw new MalformedFileException(
          "%s:1: expected a header with %s, got %s"
              .formatted(file, String.join(",", columns), rows.isEmpty() ? "" : rows.get(0)));
    }
    List<String> header = rows.get(0);
    List<Map<String, String>> maps = new ArrayList<>();
    for (int r = 1; r < rows.size(); r++) {
      List<String> row = rows.get(r);
      if (row.size() != header.size()) {
        throw new MalformedFileException(
            "%s: row %d has %d cells, the header %d"
                .formatted(file, r + 1, row.size(), header.size()));
      }
      Map<String, String> map = new LinkedHashMap<>();
      for (int c = 0; c < header.size(); c++) {
        map.put(header.get(c), row.get(c));
      }
      maps.add(map);
    }
    return maps;
  }

  private static void scan(InputStream in, Visitor visitor) throws IOException {
    List<String> row = new ArrayList<>();
    ByteArrayOutputStream cell = new ByteArrayOutputStream();
    boolean quoted = false;
    boolean started = false;
    long start = 0;
    long at = 0;
    int b = in.read();
    while (b >= 0) {
      int next = in.read();
      at++;
      if (quoted) {
        if (b != '"') {
          cell.write(b);
        } else if (next == '"') {
          cell.write('"');
          next = in.read();
          at++;
        } else {
          quoted = false;
        }
      } else if (b == '"' && cell.size() == 0) {
        quoted = true;
        started = true;
      } else if (b == ',') {
        row.add(cell.toString(StandardCharsets.UTF_8));
        cell.reset();
        started = true;
      } else if (b == '\n' || b == '\r') {
        if (started || cell.size() > 0) {
          row.add(cell.toString(StandardCharsets.UTF_8));
          visitor.row(start, at, row);
          row = new ArrayList<>();
        }
        cell.reset();
        started = false;
        start = at;
      } else {
        cell.write(b);
      }
      b = next;
    }
    if (started || cell.size() > 0) {
      row.add(cell.toString(StandardCharsets.UTF_8));
      visitor.row(start, at, row);
    }
  }
}
