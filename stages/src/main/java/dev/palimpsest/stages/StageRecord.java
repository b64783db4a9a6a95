package dev.palimpsest.stages;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.configs.InvalidConfigException;
import dev.palimpsest.configs.Problem;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.model.EngineFacts;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.lineage.Lineage;
import dev.palimpsest.stages.lineage.StageFacts;
import dev.palimpsest.stages.lineage.StageIdentity;
import dev.palimpsest.stages.lineage.TrainingData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the run folder says of a stage: its scores so far and, once it is finished, {@code
 * stage.json}. Everything carries the stage's fingerprint, so nothing of another stage is ever
 * taken for its own.
 */
final class StageRecord {
  private static final Logger log = LoggerFactory.getLogger(StageRecord.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final RunFolder folder;
  private final StageIdentity identity;
  private final TrainingData data;
  private final String fingerprint;
  private final Map<String, String> suites;
  private final boolean acceptsChanges;
  private List<Lineage.Acceptance> accepted = List.of();
  private Optional<Lineage> resumed = Optional.empty();
  private List<String> moves = List.of();

  /**
   * A record.
   *
   * @param data what the stage trains on
   * @param suites what the stage's suites are now ({@code SuiteIdentity}), by name
   * @param acceptsChanges whether what the folder holds is taken although it was made with other
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

  /** Lineage of the checkpoint that the stage goes on from: what it began with stays so. */
  Optional<Lineage> resumed() {
    return resumed;
  }

  /** Changes accepted in this stage so far. */
  List<Lineage.Acceptance> accepted() {
    return accepted;
  }

  /** As {@link Lineage#moves}, so far. */
  List<String> moves() {
    return moves;
  }

  /** Whether the finished stage is taken as it is, although the recipe now says otherwise. */
  boolean isReused() {
    return accepted.stream()
        .anyMatch(a -> a.how().equals(Lineage.Acceptance.REUSED) && a.to().equals(fingerprint));
  }

  /** Fingerprint under which the stage began. */
  String firstFingerprint() {
    return accepted.isEmpty() ? fingerprint : accepted.get(0).from();
  }

  /** The identity as single values by path, for files. */
  Map<String, String> identityValues() {
    return identity.values();
  }

  String fingerprint() {
    return fingerprint;
  }

  /** What the stage trains on. */
  TrainingData data() {
    return data;
  }

  /**
   * The finished stage, if it is.
   *
   * @throws InvalidConfigException when the folder holds a stage of this name with another identity
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
        scores(),
        notes,
        exports,
        node.path("seconds").asDouble(),
        accepted);
  }

  /** What the file names lies in the stage's own folder, whoever has written the file. */
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
                "names '%s', which does not lie in %s; remove the file and run the same command: what it said is found or made again"
                    .formatted(named, home))));
  }

  /**
   * Refuses a finished stage whose last checkpoint is not there or not whole, as far as sizes tell.
   */
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
                "is finished, but its last checkpoint is not whole: %s; bring it back, or remove %s and the same command makes it again"
                    .formatted(why, folder.finished(name())))));
  }

  /** Exports of a finished stage that are missing or do not have their sizes, in sentences. */
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

  /** A change that was accepted stays so: the file says it. */
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
              changed.set("accepted", JSON.valueToTree(accepted));
              RunFolder.writeJson(folder.finished(name()), changed);
            });
  }

  private void accept(String how, long examples, String found, List<String> changes) {
    List<Lineage.Acceptance> all = new ArrayList<>(accepted);
    all.add(new Lineage.Acceptance(how, examples, found, fingerprint, changes));
    accepted = List.copyOf(all);
  }

  /** Whether a finished stage has been scored and exported as its settings now say. */
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
        && (stage.examples() == 0 || !stage.evaluate().before() || isScored("before"))
        && (!stage.evaluate().after() || isScored("after"));
  }

  /** Whether all suites of the stage, as they are now, have a score of a moment. */
  boolean isScored(String moment) {
    return suites.keySet().stream().allMatch(suite -> score(moment, suite).isPresent());
  }

  private String exportSettings() {
    return Fingerprint.of(identity.stage().export());
  }

  /** Marks the stage finished. */
  void write(StageResult result) {
    ObjectNode json = JSON.createObjectNode();
    json.put("stage", result.name());
    json.put("fingerprint", fingerprint);
    json.set("identity", JSON.valueToTree(identityValues()));
    json.set("data", JSON.valueToTree(data));
    json.put("checkpoint", folder.root().relativize(result.checkpoint()).toString());
    result.notes().forEach(json.putArray("notes")::add);
    result
        .exports()
        .forEach(e -> json.withArray("exports").add(folder.root().relativize(e).toString()));
    json.put("exportSettings", exportSettings());
    json.put("seconds", result.seconds());
    json.set("accepted", JSON.valueToTree(accepted));
    StageStart.read(folder, name(), firstFingerprint())
        .ifPresent(
            start -> {
              json.set("handOver", start.path("handOver"));
              json.set("functionPreservation", start.path("preservation"));
            });
    RunFolder.writeJson(folder.finished(name()), json);
  }

  /**
   * Refuses a checkpoint that another identity left in this stage's folder, unless changes are
   * accepted.
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
   * Notices where the stage goes on with other instructions or library versions than those that
   * wrote its checkpoint.
   *
   * @param environment facts about this machine
   * @return a note; empty where the bits do not depend on what differs
   */
  Optional<String> moved(TrainingCheckpoint from, Map<String, Object> environment) {
    StageFacts facts = StageFacts.of(from);
    moves = facts.moves();
    Map<String, String> before = strings(JSON.valueToTree(facts.environment()));
    Map<String, String> here = strings(JSON.valueToTree(environment));
    here.keySet().retainAll(EngineFacts.NAMES);
    here.keySet().retainAll(before.keySet());
    before.keySet().retainAll(here.keySet());
    if (before.equals(here)) {
      return Optional.empty();
    }
    String move =
        "at %d examples moved to other instructions or library versions, which compute other last bits: %s"
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

  /** What was changed and is accepted; empty for nothing. */
  private Optional<List<String>> requireSame(
      String found, Map<String, String> foundIdentity, TrainingData foundData) {
    if (found.equals(fingerprint)) {
      return Optional.empty();
    }
    List<String> changes = Lineage.changes(foundIdentity, foundData, identityValues(), data);
    if (acceptsChanges) {
      return Optional.of(changes);
    }
    List<Problem> problems = new ArrayList<>();
    problems.add(
        new Problem(
            "stages." + name(),
            "%s holds this stage with other settings or data; take another --out, remove that folder, undo the change, or accept it with --accept-changes %s"
                .formatted(folder.stage(name()), name())));
    changes.forEach(change -> problems.add(new Problem("stages." + name(), change)));
    throw new InvalidConfigException(problems);
  }

  private static Map<String, String> strings(JsonNode object) {
    Map<String, String> values = new LinkedHashMap<>();
    object.properties().forEach(e -> values.put(e.getKey(), e.getValue().asText()));
    return values;
  }

  /** Of this identity, or of one that was accepted for it. */
  private boolean isOurs(String found) {
    return found.equals(fingerprint) || accepted.stream().anyMatch(a -> a.from().equals(found));
  }

  /** The result of a suite at a moment, if this very stage was scored on this very suite then. */
  Optional<SuiteResult> score(String moment, String suite) {
    return RunFolder.readJson(folder.scores(name(), moment, suite))
        .filter(json -> isOurs(json.path("fingerprint").asText()))
        .filter(
            json ->
                json.path("suiteFingerprint")
                    .asText()
                    .equals(suites.getOrDefault(suite, "not a suite of this stage")))
        .filter(RunFolder::isIntact)
        .map(json -> result(json, folder.scores(name(), moment, suite)));
  }

  private static SuiteResult result(JsonNode score, Path file) {
    try {
      return JSON.convertValue(score.path("result"), SuiteResult.class);
    } catch (IllegalArgumentException e) {
      throw RunFolder.damaged(file, "its result cannot be read");
    }
  }

  void writeScore(String moment, String suite, SuiteResult result) {
    ObjectNode json = JSON.createObjectNode();
    json.put("stage", name());
    json.put("moment", moment);
    json.put("suite", suite);
    json.put("fingerprint", fingerprint);
    json.put("suiteFingerprint", Objects.requireNonNull(suites.get(suite), suite));
    json.set("result", JSON.valueToTree(result));
    RunFolder.writeSealed(folder.scores(name(), moment, suite), json);
  }

  /** Scores in the folder that do not count, and why, in sentences. */
  List<String> scoresLeftOut() {
    List<String> leftOut = new ArrayList<>();
    for (String file : scoreFiles()) {
      String moment = moment(file);
      String suite = suite(file);
      if (suites.containsKey(suite) && score(moment, suite).isEmpty()) {
        leftOut.add(
            "score %s.%s was %s: left out"
                .formatted(
                    moment,
                    suite,
                    isAltered(moment, suite)
                        ? "altered since it was written"
                        : "made on another suite of this name"));
      }
    }
    return leftOut;
  }

  /** Scores in the folder that somebody has altered, in sentences. */
  List<String> alteredScores() {
    List<String> altered = new ArrayList<>();
    for (String file : scoreFiles()) {
      if (isAltered(moment(file), suite(file))) {
        altered.add("score %s was altered since it was written".formatted(file));
      }
    }
    return altered;
  }

  private boolean isAltered(String moment, String suite) {
    return RunFolder.readJson(folder.scores(name(), moment, suite))
        .filter(json -> !RunFolder.isIntact(json))
        .isPresent();
  }

  /** All scores of this stage: by moment (before, at-N ascending, after), then by suite. */
  Map<String, Map<String, SuiteResult>> scores() {
    Map<String, Map<String, SuiteResult>> scores = new LinkedHashMap<>();
    for (String file : scoreFiles()) {
      score(moment(file), suite(file))
          .ifPresent(
              result ->
                  scores
                      .computeIfAbsent(moment(file), m -> new LinkedHashMap<>())
                      .put(suite(file), result));
    }
    return scores;
  }

  private List<String> scoreFiles() {
    Path scoresFolder = folder.scores(name());
    try (Stream<Path> files = Files.list(scoresFolder)) {
      return files
          .map(file -> String.valueOf(file.getFileName()))
          .filter(file -> file.matches("[^.]+\\..+\\.json"))
          .sorted(Comparator.comparing((String file) -> rank(file)).thenComparing(file -> file))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + scoresFolder, e);
    }
  }

  private static String moment(String file) {
    return file.substring(0, file.indexOf('.'));
  }

  private static String suite(String file) {
    return file.substring(file.indexOf('.') + 1, file.length() - ".json".length());
  }

  private static int rank(String file) {
    return file.startsWith("before.") ? 0 : file.startsWith("after.") ? 2 : 1;
  }

  private String name() {
    return identity.stage().name();
  }
}
