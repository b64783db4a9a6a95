package dev.palimpsest.cli.lineage;

import dev.palimpsest.files.Escape;
import java.util.ArrayList;
import java.util.List;

/** A {@link Graph} as text: roots on the left, and what was made from them below and indented. */
public final class GraphText {
  private final Graph graph;
  private final StringBuilder out = new StringBuilder();

  private GraphText(Graph graph) {
    this.graph = graph;
  }

  /** The drawing, with a line feed at its end. */
  public static String of(Graph graph) {
    GraphText text = new GraphText(graph);
    List<Node> roots =
        graph.nodes().stream().filter(node -> graph.parents(node).isEmpty()).toList();
    for (Node root : roots) {
      text.node(root, "", "", below(text.own(root)));
      text.children(root, "");
    }
    return text.out.toString();
  }

  /** Children that are drawn below a node: those of which it is the last parent. */
  private List<Node> own(Node node) {
    List<Node> own = new ArrayList<>();
    for (Node child : graph.children(node)) {
      List<Node> parents = graph.parents(child);
      if (parents.get(parents.size() - 1).id().equals(node.id())) {
        own.add(child);
      }
    }
    return own;
  }

  private void children(Node node, String indent) {
    List<Node> own = own(node);
    for (int i = 0; i < own.size(); i++) {
      Node child = own.get(i);
      boolean last = i == own.size() - 1;
      String rest = indent + (last ? "   " : "│  ");
      node(child, indent + (last ? "└─ " : "├─ "), rest, below(own(child)));
      children(child, rest);
    }
  }

  private static String below(List<Node> own) {
    return own.isEmpty() ? "   " : "│  ";
  }

  private void node(Node node, String first, String rest, String below) {
    out.append(first)
        .append(Escape.line(node.title()))
        .append("  ")
        .append(Node.brief(node.id()))
        .append(node.here() ? "" : "  [recorded only]")
        .append('\n');
    node.lines()
        .forEach(line -> out.append(rest).append(below).append(Escape.line(line)).append('\n'));
  }
}
