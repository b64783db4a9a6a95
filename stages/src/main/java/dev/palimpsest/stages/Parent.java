package dev.palimpsest.stages;

import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.configs.HandOver;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.lineage.Lineage;
import dev.palimpsest.stages.lineage.StageFacts;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What a stage starts from. The parent's checkpoint is opened once, and only when it is needed. */
final class Parent {
  private final StageConfig stage;
  private final String fingerprint;
  private final @Nullable Path folder;
  private final List<Lineage.Ancestor> published;
  private List<Lineage.Acceptance> accepted = List.of();
  private @Nullable TrainingCheckpoint opened;

  private Parent(
      StageConfig stage,
      String fingerprint,
      @Nullable Path folder,
      List<Lineage.Ancestor> published) {
    this.stage = stage;
    this.fingerprint = fingerprint;
    this.folder = folder;
    this.published = published;
  }

  static Parent of(StageConfig stage, Map<String, StageResult> finished) {
    return stage
        .init()
        .match(
            pretrained -> {
              List<Lineage.Ancestor> published = published(pretrained);
              String hashes =
                  published.stream().map(Lineage.Ancestor::id).collect(Collectors.joining("+"));
              return new Parent(stage, hashes, null, published);
            },
            s -> {
              StageResult result = Objects.requireNonNull(finished.get(s.stage()), s.stage());
              Parent parent =
                  new Parent(stage, result.fingerprint(), result.checkpoint(), List.of());
              parent.accepted = result.accepted();
              return parent;
            },
            c -> {
              Path path = Path.of(c.path());
              TrainingCheckpoint checkpoint = CheckpointStore.open(path);
              StageFacts facts = StageFacts.of(checkpoint);
              String id = facts.fingerprint() + "@" + facts.examples();
              Parent parent = new Parent(stage, id, path, List.of());
              parent.opened = checkpoint;
              return parent;
            });
  }

  /**
   * The fingerprint of the parent stage, the fingerprint and number of examples of a checkpoint, or
   * the content hash of published files.
   */
  String fingerprint() {
    return fingerprint;
  }

  /**
   * The parent's last checkpoint.
   *
   * @throws InvalidConfigException when it is damaged
   */
  TrainingCheckpoint checkpoint() {
    if (opened == null) {
      Path path = Objects.requireNonNull(folder, "a pretrained start has no checkpoint");
      try {
        opened = CheckpointStore.open(path);
      } catch (CheckpointFormatException e) {
        throw new InvalidConfigException(
            List.of(
                new Problem(
                    "stages." + stage.name() + ".init",
                    "starts from a checkpoint that is %s: %s; remove the stage.json of that stage to recreate it from its intact files"
                        .formatted(e.kind(), e.getMessage()))));
      }
    }
    return opened;
  }

  /**
   * The name with which the stage's mixture order is drawn: its own, or the parent's if the data
   * order continues.
   */
  String order() {
    return folder != null && stage.handOver().data() == HandOver.DataPosition.CONTINUE
        ? StageFacts.of(checkpoint()).order()
        : stage.name();
  }

  private static List<Lineage.Ancestor> published(Init.FromPretrained source) {
    List<Lineage.Ancestor> files = new ArrayList<>();
    published("model", source.model(), files);
    published("vision", source.vision(), files);
    published("language", source.language(), files);
    return files;
  }

  private static void published(String name, @Nullable String file, List<Lineage.Ancestor> files) {
    if (file != null) {
      Path path = Path.of(file).toAbsolutePath().normalize();
      files.add(
          new Lineage.Ancestor(
              Lineage.Ancestor.PUBLISHED,
              ContentHash.of(path),
              name,
              0,
              path.toString(),
              List.of(),
              List.of()));
    }
  }

  /**
   * All ancestors of the stage, parents after their parents; the last ones are the stage's own
   * parents.
   *
   * @param run the stage's run folder; locations inside it are given relative to it
   */
  List<Lineage.Ancestor> ancestors(RunFolder run) {
    List<Lineage.Ancestor> ancestors = new ArrayList<>();
    if (folder == null) {
      published.forEach(file -> ancestors.add(placed(file, run.root(), run.root())));
      return ancestors;
    }
    Path place = folder.toAbsolutePath().normalize();
    Path theirRun = place.resolve("../../..").normalize();
    Optional<Lineage> lineage = Lineage.ifAny(place, checkpoint().manifest());
    if (lineage.isEmpty()) {
      return ancestors; // written by a version that did not record one
    }
    lineage.get().ancestors().forEach(a -> ancestors.add(placed(a, theirRun, run.root())));
    ancestors.add(
        placed(
            lineage.get().asAncestor(place.toString()).accepting(accepted), theirRun, run.root()));
    return ancestors;
  }

  /**
   * Locations are relative within the stage's own run folder, which may be moved, and absolute
   * elsewhere.
   */
  private static Lineage.Ancestor placed(Lineage.Ancestor ancestor, Path theirRun, Path run) {
    Path place = theirRun.resolve(ancestor.place()).normalize();
    return ancestor.at((place.startsWith(run) ? run.relativize(place) : place).toString());
  }

  /** Ids of what the stage starts from, among {@link #ancestors}. */
  List<String> ids(List<Lineage.Ancestor> ancestors) {
    int own = folder == null ? published.size() : Math.min(1, ancestors.size());
    return ancestors.subList(ancestors.size() - own, ancestors.size()).stream()
        .map(Lineage.Ancestor::id)
        .toList();
  }
}
