package dev.palimpsest.eval.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Comma-separated values with a header (RFC 4180): quoted cells may hold commas, quotes, lines. */
final class Csv {
  private Csv() {}

  /**
   * @param columns that the header must name
   * @return a map a row, by column
   */
  static List<Map<String, String>> read(Path file, String... columns) throws IOException {
    List<List<String>> rows = rows(Files.readString(file));
    if (rows.isEmpty() || !rows.get(0).containsAll(List.of(columns))) {
      throw new BenchmarkFormatException(
          "%s:1: expected a header with %s, got %s"
              .formatted(file, String.join(",", columns), rows.isEmpty() ? "" : rows.get(0)));
    }
    List<String> header = rows.get(0);
    List<Map<String, String>> maps = new ArrayList<>();
    for (int r = 1; r < rows.size(); r++) {
      List<String> row = rows.get(r);
      if (row.size() != header.size()) {
        throw new BenchmarkFormatException(
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

  private static List<List<String>> rows(String text) {
    List<List<String>> rows = new ArrayList<>();
    List<String> row = new ArrayList<>();
    StringBuilder cell = new StringBuilder();
    boolean quoted = false;
    boolean started = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (quoted) {
        if (c != '"') {
          cell.append(c);
        } else if (i + 1 < text.length() && text.charAt(i + 1) == '"') {
          cell.append('"');
          i++;
        } else {
          quoted = false;
        }
      } else if (c == '"' && cell.isEmpty()) {
        quoted = true;
        started = true;
      } else if (c == ',') {
        row.add(cell.toString());
        cell.setLength(0);
        started = true;
      } else if (c == '\n' || c == '\r') {
        if (started || !cell.isEmpty()) {
          row.add(cell.toString());
          rows.add(row);
          row = new ArrayList<>();
        }
        cell.setLength(0);
        started = false;
      } else {
        cell.append(c);
      }
    }
    if (started || !cell.isEmpty()) {
      row.add(cell.toString());
      rows.add(row);
    }
    return rows;
  }
}
