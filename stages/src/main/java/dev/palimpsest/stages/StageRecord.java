package dev.palimpsest.stages;

import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.files.Json;
import dev.palimpsest.model.ParameterSpecs;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.EngineFacts;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.folder.Scores;
import dev.palimpsest.stages.handover.StageStart;
import dev.palimpsest.stages.lineage.Lineage;
import dev.palimpsest.stages.lineage.StageFacts;
import dev.palimpsest.stages.lineage.StageIdentity;
import dev.palimpsest.stages.lineage.TrainingData;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the run folder records of a stage: its scores so far and, once it is finished, {@code
 * stage.json}. Everything contains the stage's fingerprint, so that nothing of another stage is
 * mistaken for its own.
 */
final class StageRecord {
  private static final Logger log = LoggerFactory.getLogger(StageRecord.class);
  private final RunFolder folder;
  private final StageIdentity identity;
  private final TrainingData data;
  private final String fingerprint;
  private final Map<String, String> suites;
  private final boolean acceptsChanges;
  private List<Lineage.Acceptance> accepted = List.of();

  /** Lineage of the checkpoint that the stage resumes from, whose ancestors remain the stage's. */
  private Optional<Lineage> resumed = Optional.empty();

  /** As {@link Lineage#moves}, so far. */
  private List<String> moves = List.of();

  /**
   * Creates a record.
   *
   * @param data what the stage trains on
   * @param suites the current identities of the stage's suites ({@code SuiteIdentity}), by name
   * @param acceptsChanges whether the folder's contents are used although they were made with other
   *     settings or data
   */
  StageRecord(
      RunFolder folder,
      StageIdentity identity,
      TrainingData data,
      Map<String, String> suites,
      boolean acceptsChanges) {
    this.folder = folder;
    this.identity = identity;
    this.data = data;
    this.fingerprint = identity.fingerprint();
    this.suites = suites;
    this.acceptsChanges = acceptsChanges;
  }

  /** Changes accepted in this stage so far. */
  List<Lineage.Acceptance> accepted() {
    return accepted;
  }

  /** Whether the finished stage is reused although the recipe has changed. */
  boolean isReused() {
    return accepted.stream()
        .anyMatch(a -> a.how().equals(Lineage.Acceptance.REUSED) && a.to().equals(fingerprint));
  }

  /** The fingerprint with which the stage began. */
  String firstFingerprint() {
    return accepted.isEmpty() ? fingerprint : accepted.get(0).from();
  }

  String fingerprint() {
    return fingerprint;
  }

  /**
   * The result of the stage, if it is finished.
   *
   * @throws InvalidConfigException when the folder contains a stage of this name with another
   *     identity
   */
  Optional<StageResult> read() {
    return RunFolder.readJson(folder.finished(name())).map(this::result);
  }

  private StageResult result(JsonNode node) {
    String found = node.path("fingerprint").asText();
    try {
      accepted = Lineage.acceptances(node.path("accepted"));
    } catch (IllegalArgumentException e) {
      throw RunFolder.damaged(folder.finished(name()), "its accepted changes cannot be read");
    }
    reuse(found, node);
    List<Path> exports = new ArrayList<>();
    node.path("exports").forEach(e -> exports.add(inside("export", e.asText())));
    List<String> notes = new ArrayList<>();
    node.path("notes").forEach(n -> notes.add(n.asText()));
    return new StageResult(
        name(),
        found,
        inside("checkpoints", node.path("checkpoint").asText()),
        scores().all(),
        notes,
        exports,
        node.path("seconds").asDouble(),
        accepted);
  }

  /** Checks that a path in the file is inside the stage's own folder, whoever wrote the file. */
  private Path inside(String part, String named) {
    Path home = folder.stage(name()).resolve(part);
    try {
      Path path = folder.root().resolve(named).normalize();
      if (path.startsWith(home) && !path.equals(home)) {
        return path;
      }
    } catch (InvalidPathException e) {
      log.debug("no path", e);
    }
    throw new InvalidConfigException(
        List.of(
            new Problem(
                folder.finished(name()).toString(),
                "names '%s', which is not inside %s; remove the file and run the same command: its contents are then found or created again"
                    .formatted(named, home))));
  }

  /** Refuses a finished stage whose last checkpoint is missing or, judging by sizes, not intact. */
  void requireCheckpoint(StageResult result) {
    Path checkpoint = result.checkpoint();
    String why;
    try {
      if (Files.isDirectory(checkpoint)) {
        CheckpointStore.peek(checkpoint);
        return;
      }
      why = checkpoint + " is missing";
    } catch (CheckpointFormatException e) {
      why = String.valueOf(e.getMessage());
    }
    throw new InvalidConfigException(
        List.of(
            new Problem(
                "stages." + name(),
                "is finished, but its last checkpoint is not intact: %s; restore it, or remove %s and run the same command to create it again"
                    .formatted(why, folder.finished(name())))));
  }

  /** Exports of a finished stage that are missing or have other sizes, in sentences. */
  private List<String> damagedExports(StageResult result) {
    List<String> damaged = new ArrayList<>();
    for (Path export : result.exports()) {
      if (!Files.exists(export)) {
        damaged.add(export + " is missing");
      } else {
        Lineage.ofExport(export).ifPresent(e -> damaged.addAll(e.wrongSizes(export)));
      }
    }
    return damaged;
  }

  /** Records an accepted change in the file, so that it stays accepted. */
  private void reuse(String found, JsonNode node) {
    if (accepted.stream().anyMatch(a -> a.from().equals(found) && a.to().equals(fingerprint))) {
      return;
    }
    requireSame(found, strings(node.path("identity")), TrainingData.of(node.path("data")))
        .ifPresent(
            changes -> {
              long examples = node.path("identity").path("stage.examples").asLong();
              accept(Lineage.Acceptance.REUSED, examples, found, changes);
              ObjectNode changed = ((ObjectNode) node).deepCopy();
              changed.set("accepted", Json.STRICT.valueToTree(accepted));
              RunFolder.writeJson(folder.finished(name()), changed);
            });
  }

  private void accept(String how, long examples, String found, List<String> changes) {
    List<Lineage.Acceptance> all = new ArrayList<>(accepted);
    all.add(new Lineage.Acceptance(how, examples, found, fingerprint, changes));
    accepted = List.copyOf(all);
  }

  /** Whether a finished stage has been scored and exported according to its current settings. */
  boolean isComplete(StageResult result) {
    StageConfig stage = identity.stage();
    List<String> damaged = damagedExports(result);
    damaged.forEach(why -> log.warn("{}: an export is written again: {}", name(), why));
    if (!damaged.isEmpty()) {
      return false;
    }
    boolean exported =
        RunFolder.readJson(folder.finished(name()))
            .filter(json -> json.path("exportSettings").asText().equals(exportSettings()))
            .isPresent();
    return exported
        && (stage.examples() == 0 || !stage.evaluate().before() || scores().areComplete("before"))
        && (!stage.evaluate().after() || scores().areComplete("after"));
  }

  private String exportSettings() {
    return Fingerprint.of(identity.stage().export());
  }

  /** Marks the stage finished. */
  void write(StageResult result) {
    ObjectNode json = Json.STRICT.createObjectNode();
    json.put("stage", result.name());
    json.put("fingerprint", fingerprint);
    json.set("identity", Json.STRICT.valueToTree(identity.values()));
    json.set("data", Json.STRICT.valueToTree(data));
    json.put("checkpoint", folder.root().relativize(result.checkpoint()).toString());
    result.notes().forEach(json.putArray("notes")::add);
    result
        .exports()
        .forEach(e -> json.withArray("exports").add(folder.root().relativize(e).toString()));
    json.put("exportSettings", exportSettings());
    json.put("seconds", result.seconds());
    json.set("accepted", Json.STRICT.valueToTree(accepted));
    StageStart.read(folder, name(), firstFingerprint())
        .ifPresent(
            start -> {
              json.set("handOver", start.path("handOver"));
              json.set("functionPreservation", start.path("preservation"));
            });
    RunFolder.writeJson(folder.finished(name()), json);
  }

  /**
   * Refuses a checkpoint of another identity in this stage's folder, unless changes are accepted.
   */
  void requireSame(TrainingCheckpoint checkpoint) {
    StageFacts facts = StageFacts.of(checkpoint);
    accepted = facts.accepted();
    resumed = Lineage.ifAny(checkpoint.folder(), checkpoint.manifest());
    requireSame(facts.fingerprint(), facts.identity(), facts.data())
        .ifPresent(
            changes ->
                accept(Lineage.Acceptance.RESUMED, facts.examples(), facts.fingerprint(), changes));
  }

  /**
   * Detects that the stage resumes with other instructions or library versions than those that
   * wrote its checkpoint.
   *
   * @param environment facts about this machine
   * @return a note; empty if the differences do not affect any bits
   */
  Optional<String> moved(TrainingCheckpoint from, Map<String, Object> environment) {
    StageFacts facts = StageFacts.of(from);
    moves = facts.moves();
    Map<String, String> before = strings(Json.STRICT.valueToTree(facts.environment()));
    Map<String, String> here = strings(Json.STRICT.valueToTree(environment));
    here.keySet().retainAll(EngineFacts.NAMES);
    here.keySet().retainAll(before.keySet());
    before.keySet().retainAll(here.keySet());
    if (before.equals(here)) {
      return Optional.empty();
    }
    String move =
        "at %d examples moved to other instructions or library versions, which change the last bits of results: %s"
            .formatted(
                facts.examples(),
                Fingerprint.diff(before, here).stream()
                    .map(Fingerprint.Change::toString)
                    .collect(Collectors.joining("; ")));
    List<String> all = new ArrayList<>(moves);
    all.add(move);
    moves = List.copyOf(all);
    return Optional.of(move);
  }

  /** The changes that are accepted; empty if nothing has changed. */
  private Optional<List<String>> requireSame(
      String found, Map<String, String> foundIdentity, TrainingData foundData) {
    if (found.equals(fingerprint)) {
      return Optional.empty();
    }
    List<String> changes = Lineage.changes(foundIdentity, foundData, identity.values(), data);
    if (acceptsChanges) {
      return Optional.of(changes);
    }
    List<Problem> problems = new ArrayList<>();
    problems.add(
        new Problem(
            "stages." + name(),
            "%s contains this stage with other settings or data; take another --out, remove that folder, undo the change, or accept it with --accept-changes %s"
                .formatted(folder.stage(name()), name())));
    changes.forEach(change -> problems.add(new Problem("stages." + name(), change)));
    boolean onlyContents =
        Fingerprint.diff(foundIdentity, identity.values()).stream()
            .allMatch(change -> Lineage.CONTENTS.contains(change.path()));
    throw onlyContents ? new DataChangedException(problems) : new InvalidConfigException(problems);
  }

  /** Checks shapes, which {@code --accept-changes} cannot accept. */
  void requireShapes(Parameters parameters) {
    StageConfig stage = identity.stage();
    Map<String, Shape> wanted =
        ParameterSpecs.of(stage.model(identity.model()), stage.resolution());
    Map<String, Shape> found = new LinkedHashMap<>();
    parameters.asMap().forEach((name, array) -> found.put(name, array.getShape()));
    if (!found.equals(wanted)) {
      String first =
          wanted.keySet().stream()
              .filter(name -> !Objects.equals(wanted.get(name), found.get(name)))
              .findFirst()
              .orElse("an additional parameter");
      throw new InvalidConfigException(
          List.of(
              new Problem(
                  "stages." + name(),
                  "cannot resume from its checkpoint, whose parameters have other shapes (%s: %s, now %s); add a new stage that starts from this one"
                      .formatted(first, found.get(first), wanted.get(first)))));
    }
  }

  /**
   * The facts in the stage's checkpoints from now on.
   *
   * @param environment machine, libraries and code
   * @param examples that the stage has seen
   * @param order name from which its data order is drawn
   */
  StageFacts facts(
      PipelineConfig recipe,
      Parent parent,
      Map<String, Object> environment,
      long examples,
      String order) {
    StageConfig stage = identity.stage();
    List<Lineage.Ancestor> ancestors =
        resumed.map(Lineage::ancestors).orElseGet(() -> parent.ancestors(folder));
    List<String> parents = resumed.map(Lineage::parents).orElseGet(() -> parent.ids(ancestors));
    return new StageFacts(
        recipe.name(),
        ConfigYaml.write(recipe, "run", folder.root().toString()),
        stage.name(),
        fingerprint,
        identity.values(),
        data,
        new StageFacts.Ancestry(parents, ancestors, accepted, moves),
        environment,
        stage.model(recipe.model()),
        stage.resolution(),
        stage.textTokens(),
        stage.image(),
        orientation(recipe, stage),
        tokenizer(recipe),
        examples,
        order);
  }

  /** That of its tasks; a stage without any says what pictures are by default. */
  private static StageFacts.TrainedOrientation orientation(
      PipelineConfig recipe, StageConfig stage) {
    List<StageFacts.TrainedOrientation> seen =
        stage.weightedTasks().stream()
            .map(task -> Objects.requireNonNull(recipe.tasks().get(task), task))
            .map(
                task ->
                    task.orientation() == null
                        ? StageFacts.TrainedOrientation.STORED
                        : StageFacts.TrainedOrientation.EXIF)
            .distinct()
            .toList();
    if (seen.isEmpty()) {
      return StageFacts.TrainedOrientation.STORED;
    }
    return seen.size() == 1 ? seen.get(0) : StageFacts.TrainedOrientation.MIXED;
  }

  /** Relative to the checkpoint's folder if it is inside the run folder, which may be moved. */
  private String tokenizer(PipelineConfig recipe) {
    Path file = Path.of(recipe.tokenizer().path()).toAbsolutePath().normalize();
    return file.startsWith(folder.root())
        ? folder.checkpoints(name()).resolve("any").relativize(file).toString()
        : file.toString();
  }

  private static Map<String, String> strings(JsonNode object) {
    Map<String, String> values = new LinkedHashMap<>();
    object.properties().forEach(e -> values.put(e.getKey(), e.getValue().asText()));
    return values;
  }

  /** The stage's scores, including those that count because of accepted changes. */
  Scores scores() {
    return new Scores(
        folder,
        name(),
        fingerprint,
        accepted.stream().map(Lineage.Acceptance::from).collect(Collectors.toSet()),
        suites);
  }

  private String name() {
    return identity.stage().name();
  }
}
