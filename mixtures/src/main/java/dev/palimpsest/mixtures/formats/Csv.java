package dev.palimpsest.mixtures.formats;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Comma-separated values (RFC 4180), UTF-8 with or without a byte order mark: quoted cells may
 * contain commas, quotes and line breaks. Empty lines are skipped.
 */
public final class Csv {
  /** The most bytes of a row; a longer one has a quote that is not closed. */
  private static final int LONGEST_ROW = 1 << 22;

  private Csv() {}

  /** Receives each row. */
  public interface Visitor {
    /**
     * One row.
     *
     * @param start its first byte
     * @param end the first byte of what follows
     */
    void row(long start, long end, List<String> cells);
  }

  /**
   * Reads a file once.
   *
   * @throws MalformedFileException when a quote is never closed
   */
  public static void scan(Path file, Visitor visitor) throws IOException {
    int start;
    try (FileBytes bytes = FileBytes.open(file)) {
      start = TextFile.start(bytes);
    }
    try (InputStream in = TextFile.open(file)) {
      scan(in, start, file.toString(), visitor);
    }
  }

  /**
   * The index of each column.
   *
   * @param header a file's first row
   * @throws MalformedFileException when a name is missing or occurs twice
   */
  public static Map<String, Integer> columns(
      Path file, List<String> header, Collection<String> needed) {
    Map<String, Integer> columns = new LinkedHashMap<>();
    for (int i = 0; i < header.size(); i++) {
      if (columns.put(header.get(i), i) != null) {
        throw new MalformedFileException(
            "%s:1: the header names the column %s twice".formatted(file, header.get(i)));
      }
    }
    if (!columns.keySet().containsAll(needed)) {
      throw new MalformedFileException(
          "%s:1: expected a header with %s, got %s"
              .formatted(file, String.join(",", needed), header));
    }
    return columns;
  }

  /** The rows in a part of a file. */
  public static List<List<String>> rows(byte[] bytes) {
    List<List<String>> rows = new ArrayList<>();
    try {
      scan(new ByteArrayInputStream(bytes), 0, "rows", (start, end, cells) -> rows.add(cells));
    } catch (IOException e) {
      throw new IllegalStateException("bytes in memory can be read", e);
    }
    return rows;
  }

  /**
   * All rows of a file with a header.
   *
   * @param columns that the header must name
   * @return one map per row, by column
   * @throws MalformedFileException when the header lacks one or a row has another length
   */
  public static List<Map<String, String>> read(Path file, String... columns) throws IOException {
    List<List<String>> rows = new ArrayList<>();
    scan(file, (start, end, cells) -> rows.add(cells));
    List<String> header = rows.isEmpty() ? List.of() : rows.get(0);
    columns(file, header, List.of(columns));
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

  private static void scan(InputStream in, long from, String name, Visitor visitor)
      throws IOException {
    List<String> row = new ArrayList<>();
    ByteArrayOutputStream cell = new ByteArrayOutputStream();
    boolean quoted = false;
    boolean started = false;
    long start = from;
    long at = from;
    int b = in.read();
    while (b >= 0) {
      int next = in.read();
      at++;
      if (at - start > LONGEST_ROW) {
        throw new MalformedFileException(
            "%s, byte %d: a row of more than %d bytes; a quote is not closed, or it is not a CSV file"
                .formatted(name, start, LONGEST_ROW));
      }
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
        String text = cell.toString(StandardCharsets.UTF_8);
        if (started || !text.isBlank()) {
          row.add(text);
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
    if (quoted) {
      throw new MalformedFileException(
          "%s, byte %d: a quote is not closed, or the file is truncated".formatted(name, start));
    }
    String text = cell.toString(StandardCharsets.UTF_8);
    if (started || !text.isBlank()) {
      row.add(text);
      visitor.row(start, at, row);
    }
  }
}
