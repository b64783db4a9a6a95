package dev.palimpsest.stages;

import dev.palimpsest.checkpoints.CheckpointFormatException;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.configs.HandOver;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.InvalidConfigException;
import dev.palimpsest.configs.Problem;
import dev.palimpsest.configs.StageConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a stage starts from. Opens the parent's checkpoint once, and only when something of it is
 * needed.
 */
final class Parent {
  private final StageConfig stage;
  private final String fingerprint;
  private final @Nullable Path folder;
  private @Nullable TrainingCheckpoint opened;

  private Parent(StageConfig stage, String fingerprint, @Nullable Path folder) {
    this.stage = stage;
    this.fingerprint = fingerprint;
    this.folder = folder;
  }

  static Parent of(StageConfig stage, Map<String, StageResult> finished) {
    return stage
        .init()
        .match(
            pretrained -> new Parent(stage, hash(pretrained), null),
            s -> {
              StageResult result = Objects.requireNonNull(finished.get(s.stage()), s.stage());
              return new Parent(stage, result.fingerprint(), result.checkpoint());
            },
            c -> {
              Path path = Path.of(c.path());
              TrainingCheckpoint checkpoint = CheckpointStore.open(path);
              String id =
                  StateFiles.fingerprint(checkpoint) + "@" + StateFiles.examples(checkpoint);
              Parent parent = new Parent(stage, id, path);
              parent.opened = checkpoint;
              return parent;
            });
  }

  /**
   * Fingerprint of the parent stage, that and the examples of a checkpoint, or content hash of the
   * published files.
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
                    "starts from a checkpoint that is %s: %s; remove the stage.json of that stage to have it made again from what is whole there"
                        .formatted(e.kind(), e.getMessage()))));
      }
    }
    return opened;
  }

  /**
   * Name under which the stage's mixture order is drawn: its own, or the parent's when the data
   * goes on.
   */
  String order() {
    return folder != null && stage.handOver().data() == HandOver.DataPosition.CONTINUE
        ? StateFiles.order(checkpoint())
        : stage.name();
  }

  private static String hash(Init.FromPretrained source) {
    return Stream.of(source.model(), source.vision(), source.language())
        .filter(Objects::nonNull)
        .map(path -> ContentHash.of(Path.of(path)))
        .collect(Collectors.joining("+"));
  }
}
