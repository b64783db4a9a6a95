package dev.palimpsest.configs.binding;

import dev.palimpsest.configs.checks.Numbers;
import dev.palimpsest.configs.checks.Place;
import dev.palimpsest.configs.checks.Problem;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.DumperOptions.ScalarStyle;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * Reads YAML text as {@link Node}s. It finds syntax errors, duplicate keys, and features that
 * recipes do not use (tags, keys that are not words). Anchors, aliases and merge keys ({@code <<})
 * work.
 */
final class YamlReader {
  /**
   * More values than any recipe has once its aliases are resolved; the largest shipped one has a
   * few hundred.
   */
  private static final int MOST_VALUES = 100_000;

  /** The most levels of nesting once aliases are resolved. */
  private static final int DEEPEST = 100;

  private static final int MOST_ALIASES = 10_000;

  /**
   * The most characters of a file; the parser's time grows with the square of the length of a
   * single value.
   */
  static final int MOST_CHARACTERS = 1 << 20;

  private final Function<Mark, Place> places;
  private final List<Problem> problems;
  private int values;
  private final Set<org.yaml.snakeyaml.nodes.Node> open =
      Collections.newSetFromMap(new IdentityHashMap<>());

  private YamlReader(Function<Mark, Place> places, List<Problem> problems) {
    this.places = places;
    this.problems = problems;
  }

  /**
   * Reads a file's text.
   *
   * @param problems receives what is wrong
   * @return null when the text is not YAML or is empty
   */
  static @Nullable Node file(String text, String source, List<Problem> problems) {
    return read(
        text,
        Place.all(source),
        mark -> new Place(source, mark.getLine() + 1, mark.getColumn() + 1),
        problems);
  }

  /** Reads a short text whose parts all have the same place: an override's value, or a default. */
  static @Nullable Node value(String text, Place place, List<Problem> problems) {
    if (text.isBlank()) {
      return new Node.Scalar("", Node.Kind.NULL, place);
    }
    return read(text, place, mark -> place, problems);
  }

  private static @Nullable Node read(
      String text, Place whole, Function<Mark, Place> places, List<Problem> problems) {
    try {
      org.yaml.snakeyaml.nodes.Node root = new Yaml(options()).compose(new StringReader(text));
      if (root == null) {
        problems.add(new Problem("", "is empty", whole));
        return null;
      }
      return new YamlReader(places, problems).convert(root, "");
    } catch (MarkedYAMLException e) {
      Mark mark = e.getProblemMark() == null ? e.getContextMark() : e.getProblemMark();
      String context = e.getContext() == null ? "" : e.getContext() + ", ";
      problems.add(
          new Problem(
              "",
              "is not valid YAML: " + (context + e.getProblem()).strip(),
              mark == null ? whole : places.apply(mark)));
    } catch (YAMLException e) {
      problems.add(new Problem("", "is not valid YAML: " + e.getMessage(), whole));
    } catch (Unbounded e) {
      problems.add(new Problem("", String.valueOf(e.getMessage()), whole));
    }
    return null;
  }

  private static LoaderOptions options() {
    LoaderOptions options = new LoaderOptions();
    options.setCodePointLimit(MOST_CHARACTERS);
    options.setNestingDepthLimit(DEEPEST);
    options.setMaxAliasesForCollections(MOST_ALIASES); // their expansion is counted here
    return options;
  }

  /**
   * Limits the expansion: a few lines can represent more values than fit into memory, because each
   * alias can double them.
   */
  private static final class Unbounded extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Unbounded(String message) {
      super(message);
    }
  }

  private Node convert(org.yaml.snakeyaml.nodes.Node node, String path) {
    if (++values > MOST_VALUES) {
      throw new Unbounded(
          "expands to more than %d values once its aliases are resolved; use fewer values, or fewer nested aliases"
              .formatted(MOST_VALUES));
    }
    if (open.size() >= DEEPEST) {
      throw new Unbounded(
          "is nested more than %d levels deep once its aliases are resolved".formatted(DEEPEST));
    }
    Place at = places.apply(node.getStartMark());
    if (!node.getTag().getValue().startsWith(Tag.PREFIX)) {
      problems.add(
          new Problem(
              path, "has the tag " + node.getTag().getValue() + "; recipes have no tags", at));
    }
    if (node instanceof ScalarNode scalar) {
      return new Node.Scalar(scalar.getValue(), kind(scalar), at);
    }
    if (!open.add(node)) {
      problems.add(new Problem(path, "contains itself through an alias", at));
      return new Node.Scalar("", Node.Kind.NULL, at);
    }
    Node converted =
        node instanceof SequenceNode sequence
            ? sequence(sequence, path, at)
            : mapping((MappingNode) node, path, at);
    open.remove(node);
    return converted;
  }

  private Node sequence(SequenceNode node, String path, Place at) {
    List<Node> members = new ArrayList<>();
    for (org.yaml.snakeyaml.nodes.Node member : node.getValue()) {
      members.add(convert(member, path + "[" + members.size() + "]"));
    }
    return new Node.Sequence(members, at);
  }

  private Node.Mapping mapping(MappingNode node, String path, Place at) {
    Map<String, Node.Entry> entries = new LinkedHashMap<>();
    List<Node.Mapping> bases = new ArrayList<>();
    for (NodeTuple tuple : node.getValue()) {
      Place keyAt = places.apply(tuple.getKeyNode().getStartMark());
      if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
        problems.add(new Problem(path, "has a key that is a list or a mapping", keyAt));
        continue;
      }
      if (key.getTag().equals(Tag.MERGE)) {
        merge(convert(tuple.getValueNode(), path), path, bases);
        continue;
      }
      String name = key.getValue();
      if (kind(key) != Node.Kind.STRING) {
        problems.add(
            new Problem(
                path,
                "has the key "
                    + name
                    + ", which YAML does not read as a word; put it in quotes: '"
                    + name
                    + "'",
                keyAt));
      }
      Node value = convert(tuple.getValueNode(), Paths.key(path, name));
      Node.Entry before = entries.putIfAbsent(name, new Node.Entry(keyAt, value));
      if (before != null) {
        problems.add(
            new Problem(
                Paths.key(path, name),
                "is given twice; the first is at " + before.keyAt() + ", keep one of them",
                keyAt));
      }
    }
    Node.Mapping mapping = new Node.Mapping(entries, at);
    for (Node.Mapping base : bases) {
      mapping = mapping.over(base);
    }
    return mapping;
  }

  private void merge(Node value, String path, List<Node.Mapping> bases) {
    if (value instanceof Node.Sequence several) {
      several.members().forEach(member -> merge(member, path, bases));
    } else if (value instanceof Node.Mapping base) {
      bases.add(base);
    } else {
      problems.add(new Problem(path, "'<<' needs a mapping, got " + value.describe(), value.at()));
    }
  }

  private static Node.Kind kind(ScalarNode node) {
    if (node.getScalarStyle() != ScalarStyle.PLAIN) {
      return Node.Kind.STRING;
    }
    // YAML 1.1 reads 1e-4 and 1e9 as strings, which nobody intends.
    if (Numbers.looksLikeOne(node.getValue())) {
      return Node.Kind.NUMBER;
    }
    Tag tag = node.getTag();
    if (tag.equals(Tag.NULL)) {
      return Node.Kind.NULL;
    }
    if (tag.equals(Tag.BOOL)) {
      return Node.Kind.BOOLEAN;
    }
    return tag.equals(Tag.INT) || tag.equals(Tag.FLOAT) ? Node.Kind.NUMBER : Node.Kind.STRING;
  }
}
