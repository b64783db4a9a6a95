package dev.palimpsest.cli.lineage;

import dev.palimpsest.files.Escape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * A {@link Graph} as an SVG picture: one row per node, with lines from parents to children on the
 * left.
 */
public final class GraphSvg {
  private static final int LANE = 30;
  private static final int LINE = 17;
  private static final int TOP = 34;
  private static final int LEFT = 30;
  private static final int MOST_CHARACTERS = 110;

  private final Graph graph;
  private final StringBuilder out = new StringBuilder();
  private final Map<String, Integer> lanes = new HashMap<>();
  private final Map<String, Integer> rows = new HashMap<>();
  private int lanesUsed;

  private GraphSvg(Graph graph) {
    this.graph = graph;
  }

  /** The picture's text. */
  public static String of(Graph graph) {
    return new GraphSvg(graph).draw();
  }

  private String draw() {
    List<Node> nodes = List.copyOf(graph.nodes());
    int y = TOP;
    int longest = 0;
    Set<String> continued = new HashSet<>();
    for (Node node : nodes) {
      lanes.put(node.id(), lane(node, continued));
      rows.put(node.id(), y);
      y += LINE * (node.lines().size() + 1) + 20;
      longest = Math.max(longest, title(node).length() + 16);
      for (String line : node.lines()) {
        longest = Math.max(longest, brief(line).length());
      }
    }
    int textX = LEFT + lanesUsed * LANE;
    int width = textX + (int) (longest * 7.4) + 20;
    out.append(
        """
        <svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="system-ui, sans-serif">
        <rect width="100%%" height="100%%" fill="#ffffff"/>
        """
            .formatted(width, y, width, y));
    nodes.forEach(node -> graph.parents(node).forEach(parent -> edge(parent, node)));
    nodes.forEach(node -> node(node, textX));
    return out.append("</svg>\n").toString();
  }

  /**
   * The first checkpoint made from a node continues its lane; the others get lanes of their own.
   */
  private int lane(Node node, Set<String> continued) {
    List<Node> parents = graph.parents(node);
    if (!parents.isEmpty()
        && node.kind() == Node.Kind.CHECKPOINT
        && continued.add(parents.get(0).id())) {
      return lanes.getOrDefault(parents.get(0).id(), 0);
    }
    if (node.kind() == Node.Kind.EXPORT) {
      int lane = lanes.getOrDefault(parents.get(0).id(), 0) + 1;
      lanesUsed = Math.max(lanesUsed, lane + 1);
      return lane;
    }
    return lanesUsed++;
  }

  private int x(Node node) {
    return LEFT + lanes.getOrDefault(node.id(), 0) * LANE;
  }

  private int y(Node node) {
    return rows.getOrDefault(node.id(), 0);
  }

  private void edge(Node parent, Node child) {
    int x1 = x(parent);
    int y1 = y(parent);
    int x2 = x(child);
    int y2 = y(child);
    String path =
        x1 == x2
            ? "M%d %d V%d".formatted(x1, y1, y2)
            : x1 < x2 && child.kind() != Node.Kind.EXPORT
                ? "M%d %d C%d %d %d %d %d %d V%d"
                    .formatted(x1, y1, x1, y1 + 22, x2, y1 + 6, x2, y1 + 28, y2)
                : "M%d %d V%d C%d %d %d %d %d %d"
                    .formatted(x1, y1, y2 - 28, x1, y2 - 6, x2, y2 - 22, x2, y2);
    out.append(
        "<path d=\"%s\" fill=\"none\" stroke=\"#8a94a3\" stroke-width=\"2\"/>%n".formatted(path));
  }

  private void node(Node node, int textX) {
    int x = x(node);
    int y = y(node);
    String fill =
        !node.here()
            ? "#ffffff"
            : switch (node.kind()) {
              case PUBLISHED -> "#b7791f";
              case CHECKPOINT -> "#1f5fbf";
              case EXPORT -> "#2f855a";
            };
    String dash = node.here() ? "" : " stroke-dasharray=\"3 2\"";
    String stroke = node.here() ? fill : "#8a94a3";
    out.append(
        switch (node.kind()) {
          case CHECKPOINT ->
              "<circle cx=\"%d\" cy=\"%d\" r=\"8\" fill=\"%s\" stroke=\"%s\" stroke-width=\"2\"%s/>%n"
                  .formatted(x, y, fill, stroke, dash);
          case PUBLISHED ->
              "<rect x=\"%d\" y=\"%d\" width=\"15\" height=\"15\" rx=\"2\" fill=\"%s\" stroke=\"%s\" stroke-width=\"2\"%s/>%n"
                  .formatted(x - 7, y - 7, fill, stroke, dash);
          case EXPORT ->
              "<path d=\"M%d %d l8 8 l-8 8 l-8 -8 z\" fill=\"%s\" stroke=\"%s\" stroke-width=\"2\"%s/>%n"
                  .formatted(x, y - 8, fill, stroke, dash);
        });
    out.append(
        String.format(
            Locale.ROOT,
            "<text x=\"%d\" y=\"%d\" font-size=\"14\" font-weight=\"600\" fill=\"#1a202c\">%s<tspan"
                + " dx=\"10\" font-size=\"12\" font-weight=\"400\" font-family=\"ui-monospace,"
                + " monospace\" fill=\"#4a5568\">%s</tspan></text>%n",
            textX,
            y + 5,
            Escape.html(title(node)),
            Node.brief(node.id())));
    List<String> lines = new ArrayList<>(node.lines());
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      int indent = line.startsWith(" ") ? 14 : 0;
      out.append(
          "<text x=\"%d\" y=\"%d\" font-size=\"12\" fill=\"#4a5568\">%s</text>%n"
              .formatted(textX + indent, y + 5 + LINE * (i + 1), Escape.html(brief(line.strip()))));
    }
  }

  private static String title(Node node) {
    return node.title() + (node.here() ? "" : " (recorded only)");
  }

  /** Abbreviates long paths in the middle. */
  private static String brief(String line) {
    int cut = MOST_CHARACTERS / 2 - 1;
    return line.length() <= MOST_CHARACTERS
        ? line
        : line.substring(0, cut) + " ... " + line.substring(line.length() - cut);
  }
}
