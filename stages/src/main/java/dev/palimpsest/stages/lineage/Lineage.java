package dev.palimpsest.stages.lineage;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.checkpoints.CheckpointManifest;
import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.files.Json;
import dev.palimpsest.files.WrittenFile;
import dev.palimpsest.stages.folder.RunFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where a checkpoint comes from.
 *
 * <p>The id is content-derived: SHA-256 over the hashes of the checkpoint's files, the stage's
 * fingerprint, the examples seen, the ids of the parents and the changes that were accepted on the
 * way. It does not depend on location, time, code or machine, so that repeating the same run gives
 * the same ids.
 *
 * @param id of the checkpoint
 * @param recipe name of the recipe
 * @param stage name of the stage
 * @param examples examples seen in the stage
 * @param order name under which the stage's data order is drawn
 * @param fingerprint of the stage: settings, seed, threads, data, tokenizer, parent
 * @param identity the values behind the fingerprint, by path
 * @param data what the stage's training data were, so that a change can be attributed
 * @param parents ids of what the stage started from
 * @param ancestors all ancestors, parents after their parents
 * @param accepted changes of settings or data that were accepted within the stage
 * @param moves where the stage resumed with other instructions or versions of the computing
 *     libraries than before, so that the arrays depend on both machines
 * @param environment machine, libraries and code that wrote the checkpoint
 * @param recipeYaml the resolved recipe, its run folder as a variable
 */
public record Lineage(
    String id,
    String recipe,
    String stage,
    long examples,
    String order,
    String fingerprint,
    Map<String, String> identity,
    TrainingData data,
    List<String> parents,
    List<Ancestor> ancestors,
    List<Acceptance> accepted,
    @Nullable List<String> moves,
    Map<String, String> environment,
    String recipeYaml) {
  /** The name of the file inside an exported folder; for an exported file its name is prepended. */
  public static final String FILE = "lineage.json";

  private static final ObjectMapper JSON =
      Json.STRICT.copy().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

  /** Keeps unmodifiable copies. */
  public Lineage {
    identity = Collections.unmodifiableMap(new LinkedHashMap<>(identity));
    parents = List.copyOf(parents);
    ancestors = List.copyOf(ancestors);
    accepted = List.copyOf(accepted);
    moves = moves == null ? null : List.copyOf(moves);
    environment = Collections.unmodifiableMap(new LinkedHashMap<>(environment));
  }

  /** As the record's component; empty for a checkpoint of a version that did not have it. */
  @Override
  public List<String> moves() {
    return moves == null ? List.of() : moves;
  }

  /**
   * An ancestor.
   *
   * @param kind {@code published} for imported files, {@code checkpoint}
   * @param id as {@link Lineage#id}; of published files their SHA-256
   * @param name {@code vision}, {@code language} or {@code model}; the recipe's name and the
   *     stage's
   * @param examples examples seen; 0 for published files
   * @param place its location: relative to the run folder, or absolute
   * @param parents their ids
   * @param accepted as {@link Lineage#accepted}
   */
  public record Ancestor(
      String kind,
      String id,
      String name,
      long examples,
      String place,
      List<String> parents,
      List<Acceptance> accepted) {
    /** Imported files. */
    public static final String PUBLISHED = "published";

    /** A training checkpoint. */
    public static final String CHECKPOINT = "checkpoint";

    /** Keeps unmodifiable copies. */
    public Ancestor {
      parents = List.copyOf(parents);
      accepted = List.copyOf(accepted);
    }

    /** The same at another location. */
    public Ancestor at(String elsewhere) {
      return new Ancestor(kind, id, name, examples, elsewhere, parents, accepted);
    }

    /** The same with changes that were accepted after it was made. */
    public Ancestor accepting(List<Acceptance> changes) {
      return changes.isEmpty()
          ? this
          : new Ancestor(kind, id, name, examples, place, parents, changes);
    }
  }

  /**
   * A change that a user accepted with {@code --accept-changes}.
   *
   * @param how {@link #RESUMED} or {@link #REUSED}
   * @param examples examples of the stage that had been seen
   * @param from fingerprint before
   * @param to fingerprint after
   * @param changes what differs: {@code stage.optimizer.learningRate: 0.001 -> 0.002}
   */
  public record Acceptance(
      String how, long examples, String from, String to, List<String> changes) {
    /** A stage that was resumed with other values. */
    public static final String RESUMED = "resumed";

    /** A finished stage that was reused although the recipe has changed. */
    public static final String REUSED = "reused";

    /** {@code resumed at 64 examples with accepted changes: a: 1 -> 2; b: 3 -> 4}. */
    @Override
    public String toString() {
      return "%s at %d examples with accepted changes: %s"
          .formatted(how, examples, String.join("; ", changes));
    }

    /** Keeps unmodifiable copies. */
    public Acceptance {
      changes = List.copyOf(changes);
    }
  }

  /** The same for the checkpoint's children. */
  public Ancestor asAncestor(String place) {
    return new Ancestor(
        Ancestor.CHECKPOINT, id, recipe + "/" + stage, examples, place, parents, accepted);
  }

  public static List<Acceptance> acceptances(JsonNode list) {
    List<Acceptance> accepted = new ArrayList<>();
    list.forEach(node -> accepted.add(JSON.convertValue(node, Acceptance.class)));
    return accepted;
  }

  /**
   * Changes that were accepted when a finished stage was reused. They are recorded in its folder,
   * because the checkpoint already existed.
   */
  public static List<Acceptance> reuses(Path stageFolder) {
    return RunFolder.readJson(stageFolder.resolve("stage.json"))
        .map(json -> acceptances(json.path("accepted")))
        .orElse(List.of())
        .stream()
        .filter(acceptance -> acceptance.how().equals(Acceptance.REUSED))
        .toList();
  }

  /** The lineage of a checkpoint; empty if it has none. */
  public static Optional<Lineage> ifAny(Path folder, CheckpointManifest manifest) {
    return manifest.facts().containsKey("lineage")
        ? Optional.of(of(folder, manifest))
        : Optional.empty();
  }

  /**
   * The lineage of a stage's checkpoint.
   *
   * @throws InvalidConfigException when its manifest has none
   */
  public static Lineage of(Path folder, CheckpointManifest manifest) {
    StageFacts facts = StageFacts.of(folder, manifest);
    StageFacts.Ancestry ancestry = facts.lineage();
    if (ancestry == null) {
      throw refused(folder, "is a checkpoint without lineage: it was written by an older version");
    }
    Map<String, String> environment = new LinkedHashMap<>();
    facts.environment().forEach((name, value) -> environment.put(name, String.valueOf(value)));
    return new Lineage(
        id(facts, ancestry, manifest.files()),
        facts.recipe(),
        facts.stage(),
        facts.examples(),
        facts.order(),
        facts.fingerprint(),
        facts.identity(),
        facts.data(),
        ancestry.parents(),
        ancestry.ancestors(),
        ancestry.accepted(),
        ancestry.moves(),
        environment,
        facts.recipeYaml());
  }

  private static String id(
      StageFacts facts, StageFacts.Ancestry ancestry, List<CheckpointManifest.Entry> files) {
    StringBuilder text = new StringBuilder("palimpsest lineage 1\n");
    files.stream()
        .map(file -> file.name() + " " + file.sha256() + "\n")
        .sorted()
        .forEach(text::append);
    text.append("stage ").append(facts.fingerprint()).append('\n');
    text.append("examples ").append(facts.examples()).append('\n');
    ancestry.parents().forEach(parent -> text.append("parent ").append(parent).append('\n'));
    for (Acceptance a : ancestry.accepted()) {
      text.append("accepted %s %d %s %s%n".formatted(a.how, a.examples, a.from, a.to));
    }
    return ContentHash.of(text.toString());
  }

  /** The id of an export from this checkpoint in a format. */
  public String exportId(String format) {
    return ContentHash.of("palimpsest export 1\n" + id + "\n" + format + "\n");
  }

  /**
   * The file that lies beside an export, {@link #besides}.
   *
   * @param format for example {@code huggingface f32}
   * @param files what was exported
   */
  public byte[] beside(String format, List<WrittenFile> files) {
    ObjectNode json = JSON.createObjectNode();
    json.put("format", "palimpsest-lineage");
    json.put("version", 1);
    json.put("export", format);
    List<WrittenFile> ordered = new ArrayList<>(files);
    ordered.sort(Comparator.comparing(WrittenFile::name));
    json.set("files", JSON.valueToTree(ordered));
    json.set("checkpoint", JSON.valueToTree(this));
    return (json.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8);
  }

  /** Whether a path contains the export of this checkpoint in a format, with every size correct. */
  public boolean isWholeExport(Path export, String format) {
    try {
      return Files.exists(export)
          && ofExport(export)
              .filter(
                  found ->
                      found.format.equals(format)
                          && found.checkpoint.id.equals(id)
                          && !found.files.isEmpty()
                          && found.wrongSizes(export).isEmpty())
              .isPresent();
    } catch (InvalidConfigException e) {
      return false; // its lineage cannot be read, so it is written again
    }
  }

  /** Where the lineage of an export is stored: in its folder, or beside its file. */
  public static Path besides(Path export) {
    return Files.isDirectory(export)
        ? export.resolve(FILE)
        : export.resolveSibling(export.getFileName() + "." + FILE);
  }

  /**
   * An export's lineage.
   *
   * @param format {@code huggingface 16-bit} or alike
   * @param files what was written; empty for exports of older versions
   * @param checkpoint what was exported
   */
  public record Exported(String format, List<CheckpointManifest.Entry> files, Lineage checkpoint) {
    /** Keeps unmodifiable copies. */
    public Exported {
      files = List.copyOf(files);
    }

    /** Files that are missing or have another size than when they were exported, in sentences. */
    public List<String> wrongSizes(Path export) {
      List<String> wrong = new ArrayList<>();
      files.forEach(file -> problem(export, file, false).ifPresent(wrong::add));
      return wrong;
    }

    /** The same, but reads every file and compares its SHA-256. */
    public List<String> altered(Path export) {
      List<String> altered = new ArrayList<>();
      files.forEach(file -> problem(export, file, true).ifPresent(altered::add));
      return altered;
    }

    private static Optional<String> problem(
        Path export, CheckpointManifest.Entry entry, boolean read) {
      Path file = Files.isDirectory(export) ? export.resolve(entry.name()).normalize() : export;
      if (!file.startsWith(export.normalize())) {
        return Optional.of("%s: '%s' is not inside it".formatted(export, entry.name()));
      }
      if (!Files.isRegularFile(file)) {
        return Optional.of(file + " is missing");
      }
      try {
        if (Files.size(file) != entry.bytes()) {
          return Optional.of(
              "%s has %d bytes; %d were exported".formatted(file, Files.size(file), entry.bytes()));
        }
      } catch (IOException e) {
        throw new UncheckedIOException("cannot read " + file, e);
      }
      return read && !ContentHash.of(file).equals(entry.sha256())
          ? Optional.of(file + " does not have the SHA-256 with which it was exported")
          : Optional.empty();
    }
  }

  /**
   * The lineage of an exported folder or file, if it has one.
   *
   * @throws InvalidConfigException when it cannot be read
   */
  public static Optional<Exported> ofExport(Path export) {
    Path file = besides(export);
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      JsonNode json = JSON.readTree(file.toFile());
      if (!json.path("format").asText().equals("palimpsest-lineage")
          || json.path("version").asInt() != 1) {
        throw refused(file, "is not a lineage that this version reads");
      }
      ObjectNode checkpoint = (ObjectNode) json.path("checkpoint").deepCopy();
      checkpoint.set("data", JSON.valueToTree(TrainingData.of(checkpoint.path("data"))));
      return Optional.of(
          new Exported(
              json.path("export").asText(),
              files(json.path("files")),
              JSON.treeToValue(checkpoint, Lineage.class)));
    } catch (JsonProcessingException | NullPointerException | ClassCastException e) {
      throw refused(file, "is a damaged lineage: " + e.getMessage());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }

  private static List<CheckpointManifest.Entry> files(JsonNode list) {
    List<CheckpointManifest.Entry> files = new ArrayList<>();
    list.forEach(
        file ->
            files.add(
                new CheckpointManifest.Entry(
                    file.path("name").asText(),
                    file.path("bytes").asLong(),
                    file.path("sha256").asText())));
    return files;
  }

  /** Identity values that change with contents and not with settings alone. */
  public static final Set<String> CONTENTS = Set.of("mixture", "tokenizer", "parent");

  /**
   * Identity values that are hashes. Differences between them are described in words. They are
   * stored as YAML, in which a hash that consists of digits may be quoted.
   */
  public static String hash(Map<String, String> identity, String name) {
    return identity.getOrDefault(name, "").replace("'", "");
  }

  /**
   * What differs between a stage as it was and as it is: {@code stage.seed: 1 -> 2} for settings;
   * for data, tokenizer and parent, in words.
   */
  public static List<String> changes(
      Map<String, String> before,
      TrainingData dataBefore,
      Map<String, String> after,
      TrainingData dataAfter) {
    List<String> changes = new ArrayList<>();
    for (Fingerprint.Change change : Fingerprint.diff(before, after)) {
      switch (change.path()) {
        case "mixture" -> changes.addAll(dataBefore.changesTo(dataAfter));
        case "tokenizer" -> changes.add("the tokenizer's file has different contents");
        case "parent" ->
            changes.add("what the stage starts from has different contents, settings or data");
        default -> changes.add(change.toString());
      }
    }
    return changes;
  }

  private static InvalidConfigException refused(Path place, String why) {
    return new InvalidConfigException(List.of(new Problem(place.toString(), why)));
  }
}
