package dev.palimpsest.configs.binding;

import dev.palimpsest.configs.checks.Place;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.checks.Suggestion;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * {@code --set path=value}: replaces a part of a recipe before it is bound. A member of a list is
 * named by its number or by its {@code name}: {@code stages[1].examples}, {@code
 * stages.stage1.examples}. The value is YAML. Settings that the recipe omits may be set; an unknown
 * key is reported when the result is bound.
 */
final class Overrides {
  private final List<Problem> problems;

  Overrides(List<Problem> problems) {
    this.problems = problems;
  }

  Node apply(Node recipe, List<String> sets) {
    Node changed = recipe;
    for (String set : sets) {
      changed = apply(changed, set);
    }
    return changed;
  }

  private Node apply(Node recipe, String set) {
    Place place = Place.all("--set " + set);
    int cut = set.indexOf('=');
    Optional<List<String>> segments =
        cut < 0 ? Optional.empty() : Paths.split(set.substring(0, cut).strip());
    if (segments.isEmpty()) {
      problems.add(
          new Problem("", "must have the form path=value, as in stages[1].batchSize=256", place));
      return recipe;
    }
    Node value = YamlReader.value(set.substring(cut + 1), place, problems);
    if (value == null) {
      return recipe;
    }
    return replace(recipe, segments.get(), "", value, place);
  }

  private Node replace(
      @Nullable Node node, List<String> segments, String path, Node value, Place place) {
    if (segments.isEmpty()) {
      return value;
    }
    String head = segments.get(0);
    List<String> rest = segments.subList(1, segments.size());
    if (node == null || node.isNull()) {
      node = new Node.Mapping(Map.of(), place);
    }
    if (node instanceof Node.Mapping mapping) {
      Node.Entry entry = mapping.entries().get(head);
      Node changed =
          replace(entry == null ? null : entry.value(), rest, Paths.key(path, head), value, place);
      return mapping.with(
          head, new Node.Entry(entry == null || rest.isEmpty() ? place : entry.keyAt(), changed));
    }
    if (node instanceof Node.Sequence sequence) {
      Optional<Integer> index = member(sequence, head, path, place);
      if (index.isEmpty()) {
        return node;
      }
      List<Node> members = new ArrayList<>(sequence.members());
      Node member = members.get(index.get());
      members.set(index.get(), replace(member, rest, Paths.index(path, index.get()), value, place));
      return new Node.Sequence(members, sequence.at());
    }
    problems.add(
        new Problem(
            path, "is " + node.describe() + " and has nothing called '" + head + "' in it", place));
    return node;
  }

  private Optional<Integer> member(Node.Sequence sequence, String head, String path, Place place) {
    int size = sequence.members().size();
    if (head.matches("[0-9]{1,9}") && Integer.parseInt(head) < size) {
      return Optional.of(Integer.parseInt(head));
    }
    Set<String> names = new LinkedHashSet<>();
    for (int i = 0; i < size; i++) {
      if (sequence.members().get(i) instanceof Node.Mapping member) {
        if (member.value("name") instanceof Node.Scalar scalar) {
          if (scalar.text().equals(head)) {
            return Optional.of(i);
          }
          names.add(scalar.text());
        }
      }
    }
    problems.add(
        new Problem(
            path,
            head.matches("[0-9]+")
                ? "has " + size + " members, numbered from 0; there is no [" + head + "]"
                : "has no member named '" + head + "'" + Suggestion.among(head, names),
            place));
    return Optional.empty();
  }
}
