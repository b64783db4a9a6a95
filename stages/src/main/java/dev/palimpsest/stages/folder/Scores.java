package dev.palimpsest.stages.folder;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The scores of a stage in its run folder, one file for each suite and moment. A score counts if it
 * was made for exactly this stage and suite, and has not been altered.
 */
public final class Scores {
  private final RunFolder folder;
  private final String stage;
  private final String fingerprint;
  private final Set<String> accepted;
  private final Map<String, String> suites;

  /**
   * The scores of a stage.
   *
   * @param fingerprint of the stage
   * @param accepted fingerprints that were accepted for it
   * @param suites the current identities of its suites ({@code SuiteIdentity}), by name
   */
  public Scores(
      RunFolder folder,
      String stage,
      String fingerprint,
      Set<String> accepted,
      Map<String, String> suites) {
    this.folder = folder;
    this.stage = stage;
    this.fingerprint = fingerprint;
    this.accepted = Set.copyOf(accepted);
    this.suites = Collections.unmodifiableMap(new LinkedHashMap<>(suites));
  }

  /** Fingerprint of the stage. */
  public String fingerprint() {
    return fingerprint;
  }

  /** Whether all current suites of the stage have a score for a moment. */
  public boolean areComplete(String moment) {
    return suites.keySet().stream().allMatch(suite -> score(moment, suite).isPresent());
  }

  /** Whether a fingerprint is that of this stage or one that was accepted for it. */
  private boolean isOurs(String found) {
    return found.equals(fingerprint) || accepted.contains(found);
  }

  /**
   * The result of a suite at a moment, if exactly this stage was scored on exactly this suite then.
   */
  public Optional<SuiteResult> score(String moment, String suite) {
    return RunFolder.readJson(folder.scores(stage, moment, suite))
        .filter(json -> isOurs(json.path("fingerprint").asText()))
        .filter(
            json ->
                json.path("suiteFingerprint")
                    .asText()
                    .equals(suites.getOrDefault(suite, "not a suite of this stage")))
        .filter(RunFolder::isIntact)
        .map(json -> result(json, folder.scores(stage, moment, suite)));
  }

  /**
   * What a stage's folder of scores holds of a moment, by suite: scores that were made by the stage
   * and are still what was written.
   *
   * @param folder need not be there
   * @param fingerprints of the stage
   */
  public static Map<String, SuiteResult> found(
      Path folder, Set<String> fingerprints, String moment) {
    Map<String, SuiteResult> found = new LinkedHashMap<>();
    if (!Files.isDirectory(folder)) {
      return found;
    }
    for (String file : scoreFiles(folder)) {
      if (moment(file).equals(moment)) {
        RunFolder.readJson(folder.resolve(file))
            .filter(json -> fingerprints.contains(json.path("fingerprint").asText()))
            .filter(RunFolder::isIntact)
            .ifPresent(json -> found.put(suite(file), result(json, folder.resolve(file))));
      }
    }
    return found;
  }

  private static SuiteResult result(JsonNode score, Path file) {
    try {
      return Json.STRICT.convertValue(score.path("result"), SuiteResult.class);
    } catch (IllegalArgumentException e) {
      throw RunFolder.damaged(file, "its result cannot be read");
    }
  }

  /** Stores a suite's result. */
  public void write(String moment, String suite, SuiteResult result) {
    ObjectNode json = Json.STRICT.createObjectNode();
    json.put("stage", stage);
    json.put("moment", moment);
    json.put("suite", suite);
    json.put("fingerprint", fingerprint);
    json.put("suiteFingerprint", Objects.requireNonNull(suites.get(suite), suite));
    json.set("result", Json.STRICT.valueToTree(result));
    RunFolder.writeSealed(folder.scores(stage, moment, suite), json);
  }

  /** Scores in the folder that do not count, and why, in sentences. */
  public List<String> leftOut() {
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

  /** Scores in the folder that have been altered, in sentences. */
  public List<String> altered() {
    List<String> altered = new ArrayList<>();
    for (String file : scoreFiles()) {
      if (isAltered(moment(file), suite(file))) {
        altered.add("score %s was altered since it was written".formatted(file));
      }
    }
    return altered;
  }

  private boolean isAltered(String moment, String suite) {
    return RunFolder.readJson(folder.scores(stage, moment, suite))
        .filter(json -> !RunFolder.isIntact(json))
        .isPresent();
  }

  /** All scores of this stage: by moment (before, at-N ascending, after), then by suite. */
  public Map<String, Map<String, SuiteResult>> all() {
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
    return scoreFiles(folder.scores(stage));
  }

  private static List<String> scoreFiles(Path scoresFolder) {
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
}
