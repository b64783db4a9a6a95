package dev.palimpsest.cli.reports;

import java.util.ArrayList;
import java.util.List;

/** Rows of a table for a terminal. */
public final class Columns {
  private Columns() {}

  /** One line a row: the first column to the left, the others to the right, two spaces between. */
  public static List<String> aligned(String indent, List<List<String>> rows) {
    int[] widths = new int[rows.get(0).size()];
    for (List<String> row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    List<String> lines = new ArrayList<>();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder(indent);
      for (int i = 0; i < widths.length; i++) {
        String space = " ".repeat(widths[i] - row.get(i).length());
        line.append(i == 0 ? row.get(i) + space : "  " + space + row.get(i));
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }
}
