package dev.palimpsest.cli.lineage;

import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.lineage.Lineage;
import dev.palimpsest.stages.lineage.Lineage.Acceptance;
import dev.palimpsest.stages.lineage.Lineage.Ancestor;
import dev.palimpsest.stages.lineage.RecordedData;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The commands that reproduce a checkpoint, and everything that could change its bits. */
public final class Reproduction {
  private final Sources.Found found;
  private final Lineage lineage;
  private final Map<String, String> here;

  private Reproduction(Sources.Found found, Map<String, String> here) {
    this.found = found;
    this.lineage = found.lineage();
    this.here = here;
  }

  /**
   * A shell script for people to read: warnings as comments, then commands.
   *
   * @param path a checkpoint, an export, or the folder of a stage or run
   * @param environment of this machine, as a checkpoint would record it
   * @throws dev.palimpsest.configs.checks.InvalidConfigException when the path has no lineage
   */
  public static List<String> of(Path path, Map<String, String> environment) {
    return new Reproduction(Sources.one(path), environment).script();
  }

  /** The same for programs: what is recreated, warnings, the recipe, and commands for it. */
  public static String json(Path path, Map<String, String> environment) {
    Reproduction reproduction = new Reproduction(Sources.one(path), environment);
    Lineage lineage = reproduction.lineage;
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("id", lineage.id());
    json.put("recipe", lineage.recipe());
    json.put("stage", lineage.stage());
    json.put("examples", lineage.examples());
    json.put("commit", lineage.environment().getOrDefault("commit", "unknown"));
    json.put("warnings", reproduction.warnings());
    json.put("recipeFile", reproduction.recipeFile());
    json.put("recipeYaml", lineage.recipeYaml());
    json.put("commands", reproduction.commands());
    return Json.indented(json);
  }

  private List<String> script() {
    List<String> out = new ArrayList<>();
    out.add(
        "# Recreates %s/%s at %d examples; its id is"
            .formatted(lineage.recipe(), lineage.stage(), lineage.examples()));
    out.add("#   " + lineage.id());
    List<String> warnings = warnings();
    out.add("#");
    out.add(
        warnings.isEmpty()
            ? "# No recorded difference would change the bits on this machine."
            : "# These could change the bits of the result:");
    warnings.forEach(warning -> out.add("# - " + warning));
    out.add("");
    String commit = lineage.environment().getOrDefault("commit", "unknown");
    if (!commit.equals("unknown")) {
      out.add("git checkout " + commit);
    }
    out.add("cat >" + recipeFile() + " <<'END_OF_RECIPE'");
    lineage.recipeYaml().lines().forEach(out::add);
    out.add("END_OF_RECIPE");
    out.addAll(commands());
    return out;
  }

  private String recipeFile() {
    return "reproduce-" + lineage.stage() + ".yaml";
  }

  /** Once the recipe is in its file. */
  private List<String> commands() {
    String run = "runs/reproduce-" + lineage.stage();
    return List.of(
        "./palimpsest run %s --out %s%s".formatted(recipeFile(), run, settings()),
        "./palimpsest lineage diff %s %s"
            .formatted(
                quoted(found.place().toString()),
                "%s/%s/checkpoints/examples-%012d"
                    .formatted(run, lineage.stage(), lineage.examples())));
  }

  /** Quotes a text as one word for a shell. */
  private static String quoted(String word) {
    return word.matches("[A-Za-z0-9_./+-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
  }

  private String settings() {
    StringBuilder sets = new StringBuilder();
    String threads = lineage.identity().get("threads");
    if (threads != null) {
      sets.append(" --set threads=").append(threads);
    }
    if (!isEnd()) { // milestones are kept, and when a stage is saved does not affect any number
      sets.append(
          " --set 'stages.%s.checkpoint={everyExamples: %d, keepEveryExamples: %d}'"
              .formatted(lineage.stage(), lineage.examples(), lineage.examples()));
    }
    return sets.toString();
  }

  private boolean isEnd() {
    String examples = lineage.identity().get("stage.examples");
    return Long.toString(lineage.examples()).equals(examples);
  }

  private List<String> warnings() {
    List<String> warnings = new ArrayList<>();
    Map<String, String> then = lineage.environment();
    String commit = then.getOrDefault("commit", "unknown");
    if (commit.equals("unknown")) {
      warnings.add("the code is not recorded: it was not run from a git checkout");
    } else if (then.getOrDefault("dirty", "true").equals("true")) {
      warnings.add("the code had changes that were not committed");
    }
    for (Fingerprint.Change change : Fingerprint.diff(then, here)) {
      if (!change.path().equals("commit") && !change.path().equals("dirty")) {
        warnings.add("it was made with another " + change.toString().replace(" -> ", ", here "));
      }
    }
    warnings.addAll(RecordedData.problems(lineage, found.run()));
    for (Ancestor ancestor : lineage.ancestors()) {
      accepted(ancestor.name(), ancestor.accepted(), warnings);
      if (ancestor.kind().equals(Ancestor.CHECKPOINT) && Path.of(ancestor.place()).isAbsolute()) {
        warnings.add(
            "it is based on a checkpoint of another run, %s%s; see 'palimpsest reproduce' for that"
                .formatted(
                    ancestor.place(),
                    Sources.checkpoint(Path.of(ancestor.place()), ancestor.id()).isPresent()
                        ? ""
                        : ", which no longer exists"));
      }
    }
    accepted(lineage.stage(), lineage.accepted(), warnings);
    lineage.moves().forEach(move -> warnings.add(lineage.stage() + " " + move));
    return warnings;
  }

  private static void accepted(String name, List<Acceptance> accepted, List<String> warnings) {
    for (Acceptance a : accepted) {
      warnings.add(
          a.how().equals(Acceptance.RESUMED)
              ? "%s was started with other values and continued with these from %d examples on: run it with the old values, stop it there, and resume with --accept-changes: %s"
                  .formatted(name, a.examples(), String.join("; ", a.changes()))
              : "%s was made with other values than the recipe has: undo them: %s"
                  .formatted(name, String.join("; ", a.changes())));
    }
  }
}
