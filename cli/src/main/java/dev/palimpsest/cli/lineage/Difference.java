package dev.palimpsest.cli.lineage;

import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.stages.lineage.Lineage;
import dev.palimpsest.stages.lineage.Lineage.Ancestor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Describes what differs between two checkpoints. */
public final class Difference {
  private final Lineage a;
  private final Lineage b;
  private final List<String> out = new ArrayList<>();

  private Difference(Lineage a, Lineage b) {
    this.a = a;
    this.b = b;
  }

  /**
   * Lines for people.
   *
   * @throws dev.palimpsest.configs.checks.InvalidConfigException when one has no lineage
   */
  public static List<String> between(Path first, Path second) {
    Sources.Found one = Sources.one(first);
    Sources.Found other = Sources.one(second);
    Difference difference = new Difference(one.lineage(), other.lineage());
    difference.out.add("A  " + name(one));
    difference.out.add("B  " + name(other));
    difference.out.add("");
    difference.explain();
    return difference.out;
  }

  private static String name(Sources.Found found) {
    Lineage lineage = found.lineage();
    return "%s  %s/%s, %d examples  %s"
        .formatted(
            Node.brief(lineage.id()),
            lineage.recipe(),
            lineage.stage(),
            lineage.examples(),
            found.place());
  }

  private void explain() {
    if (a.id().equals(b.id())) {
      out.add("They are the same checkpoint: equal arrays, settings, data and ancestors.");
      changes("Created under different circumstances:", a.environment(), b.environment());
      return;
    }
    if (!a.stage().equals(b.stage())) {
      out.add("They are of different stages: %s and %s.".formatted(a.stage(), b.stage()));
    }
    if (a.examples() != b.examples()) {
      out.add("Examples seen in the stage: %d -> %d.".formatted(a.examples(), b.examples()));
    }
    if (a.fingerprint().equals(b.fingerprint())) {
      out.add("Settings, data and tokenizer of the stage are the same.");
    } else {
      changes("Settings of the stage:", settings(a), settings(b));
      data();
      tokenizer();
    }
    accepted("A", a);
    accepted("B", b);
    a.moves().forEach(move -> out.add("A " + move));
    b.moves().forEach(move -> out.add("B " + move));
    changes("Code, machine and libraries:", a.environment(), b.environment());
    ancestors();
    if (a.fingerprint().equals(b.fingerprint())
        && a.examples() == b.examples()
        && a.parents().equals(b.parents())
        && a.accepted().equals(b.accepted())) {
      out.add("");
      out.add(
          a.environment().equals(b.environment())
              ? "The arrays differ although nothing that is recorded does."
              : "The arrays differ; only the circumstances above can be the reason.");
    }
  }

  /** Omits what has lines of its own. */
  private static Map<String, String> settings(Lineage lineage) {
    Map<String, String> settings = new LinkedHashMap<>(lineage.identity());
    settings.keySet().removeAll(List.of("mixture", "tokenizer", "parent"));
    return settings;
  }

  private void changes(String head, Map<String, String> before, Map<String, String> after) {
    List<Fingerprint.Change> changes = Fingerprint.diff(before, after);
    if (!changes.isEmpty()) {
      out.add(head);
      changes.forEach(change -> out.add("  " + change));
    }
  }

  private void data() {
    String head = "Data (contents of the sources, weights, order):";
    if (Objects.equals(a.identity().get("mixture"), b.identity().get("mixture"))) {
      out.add(head + " the same.");
    } else if (!trains(a) || !trains(b)) {
      out.add(head + " %s does not train.".formatted(trains(a) ? "B" : "A"));
    } else {
      out.add(head);
      a.data().changesTo(b.data()).forEach(change -> out.add("  " + change));
    }
  }

  private static boolean trains(Lineage lineage) {
    return !lineage.identity().getOrDefault("mixture", "").replace("'", "").isEmpty();
  }

  private void tokenizer() {
    boolean same = Objects.equals(a.identity().get("tokenizer"), b.identity().get("tokenizer"));
    out.add("Tokenizer: " + (same ? "the same." : "its file has other contents."));
  }

  private void accepted(String name, Lineage lineage) {
    for (Lineage.Acceptance acceptance : lineage.accepted()) {
      out.add(
          "%s %s at %d examples with accepted changes: %s"
              .formatted(
                  name,
                  acceptance.how(),
                  acceptance.examples(),
                  String.join("; ", acceptance.changes())));
    }
  }

  private void ancestors() {
    List<Ancestor> one = a.ancestors();
    List<Ancestor> other = b.ancestors();
    int common = 0;
    while (common < Math.min(one.size(), other.size())
        && one.get(common).id().equals(other.get(common).id())) {
      common++;
    }
    if (common == one.size() && common == other.size()) {
      out.add("Ancestors: the same.");
      return;
    }
    if (other.stream().anyMatch(x -> x.id().equals(a.id()))) {
      out.add("A is an ancestor of B.");
    } else if (one.stream().anyMatch(x -> x.id().equals(b.id()))) {
      out.add("B is an ancestor of A.");
    } else {
      out.add(
          common == 0
              ? "Ancestors: none in common."
              : "Ancestors: the same up to " + words(one.get(common - 1)) + ".");
    }
    only("A", one.subList(common, one.size()));
    only("B", other.subList(common, other.size()));
  }

  private void only(String name, List<Ancestor> rest) {
    rest.forEach(ancestor -> out.add("  only %s: %s".formatted(name, words(ancestor))));
  }

  private static String words(Ancestor ancestor) {
    return ancestor.kind().equals(Ancestor.PUBLISHED)
        ? "published %s %s".formatted(ancestor.name(), Node.brief(ancestor.id()))
        : "%s at %d examples %s"
            .formatted(ancestor.name(), ancestor.examples(), Node.brief(ancestor.id()));
  }
}
