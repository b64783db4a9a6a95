package dev.palimpsest.cli.lineage;

import dev.palimpsest.files.Json;
import dev.palimpsest.stages.lineage.Lineage;
import dev.palimpsest.stages.lineage.Lineage.Acceptance;
import dev.palimpsest.stages.lineage.Lineage.Ancestor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The graph of checkpoints and what they were made from. Roots are imported files; every other node
 * is below its parents. Each checkpoint records all of its ancestors, so that the graph is complete
 * even if folders are missing; folders that exist provide more details.
 */
public final class Graph {
  private final Map<String, Node> nodes = new LinkedHashMap<>();
  private final List<String> altered = new ArrayList<>();

  private Graph() {}

  /**
   * The graph of a checkpoint, of an export, or of everything in the folder of a stage or run.
   *
   * @throws dev.palimpsest.configs.checks.InvalidConfigException when the path has no lineage
   */
  public static Graph of(Path path) {
    Graph graph = new Graph();
    for (Sources.Found found : Sources.all(path)) {
      graph.add(found);
    }
    return graph;
  }

  private void add(Sources.Found found) {
    Lineage lineage = found.lineage();
    Lineage.Exported export = found.export();
    for (Ancestor ancestor : lineage.ancestors()) {
      add(ancestor, found.run());
    }
    if (export == null) {
      nodes.put(lineage.id(), checkpoint(lineage, found.place().toString(), true));
      return;
    }
    nodes.computeIfAbsent(
        lineage.id(),
        id -> {
          String place =
              "%s/checkpoints/examples-%012d".formatted(lineage.stage(), lineage.examples());
          boolean here = Sources.checkpoint(found.run().resolve(place), id).isPresent();
          return checkpoint(lineage, here ? found.run().resolve(place).toString() : place, here);
        });
    List<String> wrong = export.altered(found.place());
    altered.addAll(wrong);
    List<String> lines = new ArrayList<>();
    lines.add(found.place().toString());
    lines.add(verdict(export, wrong));
    lines.addAll(wrong);
    String id = lineage.exportId(export.format());
    nodes.put(
        id,
        new Node(
            Node.Kind.EXPORT, id, "export " + export.format(), lines, List.of(lineage.id()), true));
  }

  private static String verdict(Lineage.Exported export, List<String> wrong) {
    if (export.files().isEmpty()) {
      return "not verified: an older version exported it, without sizes and hashes";
    }
    return wrong.isEmpty()
        ? "verified: %d files have the sizes and SHA-256 that were exported"
            .formatted(export.files().size())
        : "ALTERED since it was exported:";
  }

  /** The nodes as a JSON array. */
  public String json() {
    return Json.indented(nodes());
  }

  /** Files of exports that have been altered, in sentences. */
  public List<String> altered() {
    return List.copyOf(altered);
  }

  private void add(Ancestor ancestor, Path run) {
    if (nodes.containsKey(ancestor.id())) {
      return;
    }
    Path place = run.resolve(ancestor.place());
    boolean published = ancestor.kind().equals(Ancestor.PUBLISHED);
    Optional<Lineage> saved =
        published ? Optional.empty() : Sources.checkpoint(place, ancestor.id());
    if (saved.isPresent()) {
      nodes.put(ancestor.id(), checkpoint(saved.get(), place.toString(), true));
      return;
    }
    boolean here = published && Files.exists(place);
    List<String> lines = new ArrayList<>();
    lines.add(here ? place.toString() : ancestor.place() + " (no longer exists)");
    lines.addAll(accepted(ancestor.accepted()));
    nodes.put(
        ancestor.id(),
        new Node(
            published ? Node.Kind.PUBLISHED : Node.Kind.CHECKPOINT,
            ancestor.id(),
            published
                ? "published " + ancestor.name()
                : "%s, %d examples".formatted(ancestor.name(), ancestor.examples()),
            lines,
            ancestor.parents(),
            here));
  }

  private static Node checkpoint(Lineage lineage, String place, boolean here) {
    List<String> lines = new ArrayList<>();
    lines.add(here ? place : place + " (no longer exists)");
    Map<String, String> identity = lineage.identity();
    Map<String, String> environment = lineage.environment();
    lines.add(
        "code %s; %s; %s, threads %s"
            .formatted(
                code(environment),
                environment.getOrDefault("engine", "engine unknown"),
                environment.getOrDefault("processor", "processor unknown"),
                identity.getOrDefault("threads", "unknown")));
    String mixture = identity.getOrDefault("mixture", "''").replace("'", "");
    lines.add(
        "settings %s; data %s; tokenizer %s"
            .formatted(
                Node.brief(lineage.fingerprint()),
                mixture.isEmpty() ? "none" : Node.brief(mixture),
                Node.brief(identity.getOrDefault("tokenizer", "unknown"))));
    lines.addAll(accepted(lineage.accepted()));
    lines.addAll(lineage.moves());
    if (here) {
      lines.addAll(accepted(Lineage.reuses(Path.of(place).resolve("../..").normalize())));
    }
    return new Node(
        Node.Kind.CHECKPOINT,
        lineage.id(),
        "%s/%s, %d examples".formatted(lineage.recipe(), lineage.stage(), lineage.examples()),
        lines,
        lineage.parents(),
        here);
  }

  /** {@code 1a2b3c4d5e6f, tree clean}. */
  static String code(Map<String, String> environment) {
    String commit = environment.getOrDefault("commit", "unknown");
    return commit.equals("unknown")
        ? "unknown"
        : Node.brief(commit)
            + (environment.getOrDefault("dirty", "true").equals("true")
                ? ", tree dirty"
                : ", tree clean");
  }

  private static List<String> accepted(List<Acceptance> acceptances) {
    List<String> lines = new ArrayList<>();
    for (Acceptance a : acceptances) {
      lines.add("%s at %d examples with accepted changes:".formatted(a.how(), a.examples()));
      a.changes().forEach(change -> lines.add("  " + change));
    }
    return lines;
  }

  /** All nodes, each after its parents, with children below one another. */
  Collection<Node> nodes() {
    List<Node> ordered = new ArrayList<>();
    Set<String> done = new HashSet<>();
    for (Node node : nodes.values()) {
      if (known(node.parents()).isEmpty()) {
        visit(node, ordered, done);
      }
    }
    return ordered;
  }

  private void visit(Node node, List<Node> ordered, Set<String> done) {
    if (!done.containsAll(known(node.parents())) || !done.add(node.id())) {
      return; // comes with its last parent
    }
    ordered.add(node);
    children(node).forEach(child -> visit(child, ordered, done));
  }

  private List<String> known(List<String> parents) {
    return parents.stream().filter(nodes::containsKey).toList();
  }

  /** Parents of a node that are in the graph. */
  List<Node> parents(Node node) {
    return node.parents().stream().filter(nodes::containsKey).map(nodes::get).toList();
  }

  /** Children of a node, exports first. */
  List<Node> children(Node node) {
    List<Node> children =
        new ArrayList<>(
            nodes.values().stream().filter(n -> n.parents().contains(node.id())).toList());
    children.sort((a, b) -> b.kind().compareTo(a.kind()));
    return children;
  }
}
