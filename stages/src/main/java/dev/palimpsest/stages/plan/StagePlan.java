package dev.palimpsest.stages.plan;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.palimpsest.configs.CheckpointConfig;
import dev.palimpsest.configs.ExportConfig;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.ModelCost.Flops;
import dev.palimpsest.configs.ModelCost.Part;
import dev.palimpsest.configs.ModelCost.Pass;
import dev.palimpsest.configs.ModelCost.Use;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.StorageConfig;
import dev.palimpsest.model.Architecture;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.stages.optimizer.ParameterGroups;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a stage will cost.
 *
 * @param name of the stage
 * @param examples that it trains on; 0: it only imports, scores and exports, and costs disk alone
 * @param steps of the optimizer
 * @param batchSize examples a step
 * @param microBatch examples of a forward pass on one device
 * @param resolution in pixels
 * @param imageTokens of one picture
 * @param textTokens slots for text
 * @param slotTokens places for tokens in all sequences of the stage, padding included
 * @param realTokens of the stage's examples; null without a sample of them
 * @param paddingShare share of the slots that is padding; null without a sample
 * @param parameters scalars of the model
 * @param trainedParameters scalars that are updated
 * @param flopsAnExample operations of one example
 * @param flops operations of the stage
 * @param memoryBytes on each device at the highest, by use; what libraries keep comes on top
 * @param memoryTotal their sum
 * @param fits whether that leaves what libraries need; null if the device's memory is unknown
 * @param checkpointBytes of one training checkpoint
 * @param diskWhileTraining bytes of checkpoints and of arrays on disk at the most
 * @param diskKept bytes of the checkpoints that stay
 * @param exportBytes of the exports
 * @param hours of the whole training; null if the device's speed is unknown
 * @param deviceHours hours of one device
 * @param cost at the price of a device-hour; null without one
 * @param imagesPerSecond that the loaders of all devices together must deliver
 * @param mfu share of the device's peak, recomputation not counted
 * @param hfu the same with it
 * @param notes what a person should know
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record StagePlan(
    String name,
    long examples,
    long steps,
    int batchSize,
    int microBatch,
    int resolution,
    int imageTokens,
    int textTokens,
    double slotTokens,
    @Nullable Double realTokens,
    @Nullable Double paddingShare,
    long parameters,
    long trainedParameters,
    Flops flopsAnExample,
    Flops flops,
    Map<Use, Long> memoryBytes,
    long memoryTotal,
    @Nullable Boolean fits,
    long checkpointBytes,
    long diskWhileTraining,
    long diskKept,
    long exportBytes,
    @Nullable Double hours,
    @Nullable Double deviceHours,
    @Nullable Double cost,
    @Nullable Double imagesPerSecond,
    @Nullable Double mfu,
    @Nullable Double hfu,
    List<String> notes) {
  private static final long FLOAT = 4;
  private static final long NO_GRAPHS = -1;

  /** Plans a stage. */
  public static StagePlan of(
      StageConfig stage, ModelConfig base, Hardware hardware, Optional<Sample> sample) {
    ModelConfig model = stage.model(base);
    ModelCost cost = new ModelCost(model, stage.resolution(), stage.precision());
    List<String> notes = new ArrayList<>();
    Trained trained = Trained.of(stage, model);
    int microBatch = microBatch(stage, hardware, notes);
    Map<Use, Long> state = state(stage, cost, trained, hardware);
    long graphBudget =
        stage.storage().parametersOnDisk(FLOAT * cost.parameterCount()) > 0
            ? NO_GRAPHS // parameters are not kept in memory for them
            : hardware.graphBudget(state.values().stream().mapToLong(Long::longValue).sum());

    // ---- Operations and tokens
    int passes = stage.storage().gradients() == StorageConfig.Gradients.RECOMPUTED ? 2 : 1;
    int imageTokens = model.vision().imageTokens(stage.resolution());
    int windows = model.vision().windows(stage.resolution());
    if (windows > 1) {
      notes.add(
          "each picture is encoded in %d windows of %dpx"
              .formatted(windows, model.vision().encodedSide(stage.resolution())));
    }
    List<Sample.Group> groups =
        sample
            .map(some -> some.passes(stage, microBatch, imageTokens))
            .orElse(
                List.of(new Sample.Group(microBatch, cost.pass(microBatch, stage.textTokens()))));
    if (sample.isEmpty() && stage.packTo() > 0) {
      notes.add("how much packing saves is unknown without the data; none is assumed");
    }
    double seen = groups.stream().mapToInt(Sample.Group::examples).sum();
    Flops example = new Flops(0, 0, 0);
    double slots = 0;
    Map<Use, Long> memory = Map.of();
    for (Sample.Group group : groups) {
      Flops once = cost.flops(group.pass(), graphBudget, trained.parts());
      Flops flops = passes == 1 ? once : once.repeated();
      example = example.plus(flops.times(1 / seen));
      slots += group.pass().sequences() * group.pass().length() / seen;
      Map<Use, Long> bytes =
          memory(stage, cost, trained, group.pass(), state, graphBudget, hardware);
      memory = sum(bytes) > sum(memory) ? bytes : memory;
    }
    if (stage.examples() == 0) {
      memory = Map.of();
    }
    Flops total = example.times((double) stage.examples());
    @Nullable Double real = sample.map(some -> some.meanTokens(imageTokens)).orElse(null);
    double pictures = sample.map(Sample::meanPictures).orElse(1.0);

    // ---- Disk
    long checkpoint =
        FLOAT * cost.parameterCount()
            + (stage.examples() == 0 ? 0 : trained.moments(stage) * trained.scalars());
    CheckpointConfig saving = stage.checkpoint();
    long milestones =
        saving.keepEveryExamples() == 0 ? 0 : stage.examples() / saving.keepEveryExamples();
    long saves =
        1
            + (saving.everyExamples() == 0 ? 0 : (stage.examples() - 1) / saving.everyExamples())
            + (stage.init() instanceof Init.FromPretrained && stage.examples() > 0 ? 1 : 0);
    long onDisk =
        stage.storage().parametersOnDisk(FLOAT * cost.parameterCount())
            + (stage.storage().gradients() == StorageConfig.Gradients.DISK
                ? FLOAT * trained.scalars()
                : 0)
            + (stage.storage().moments() == StorageConfig.Storage.DISK
                ? trained.moments(stage) * trained.scalars()
                : 0);

    // ---- Time
    Optional<Double> rate =
        stage.examples() == 0 ? Optional.empty() : hardware.rate(stage.precision());
    @Nullable Double hours =
        rate.map(perSecond -> passes * total.withoutRecomputation() / perSecond / 3600)
            .orElse(null);
    double recomputation =
        total.forward() == 0 ? 1 : total.withRecomputation() / total.withoutRecomputation();
    long memoryTotal = sum(memory);
    @Nullable Boolean fits =
        (hardware.memoryBytes() == 0 || stage.examples() == 0)
            ? null
            : memoryTotal + ModelCost.LIBRARIES <= hardware.memoryBytes();
    if (Boolean.FALSE.equals(fits)) {
      notes.add(
          "does not fit into the memory of %s; divide more of the state (--sharding), use more devices, a smaller microBatch or Adafactor"
              .formatted(hardware.device()));
    }
    return new StagePlan(
        stage.name(),
        stage.examples(),
        stage.steps(),
        stage.batchSize(),
        microBatch,
        stage.resolution(),
        imageTokens,
        stage.textTokens(),
        slots * stage.examples(),
        real == null ? null : real * stage.examples(),
        real == null ? null : 1 - real / slots,
        cost.parameterCount(),
        stage.examples() == 0 ? 0 : trained.scalars(),
        example,
        total,
        memory,
        memoryTotal,
        fits,
        checkpoint,
        checkpoint * (Math.min(saves, saving.keepLast() + 1L) + milestones)
            + (stage.examples() == 0 ? 0 : onDisk),
        checkpoint * (1 + milestones),
        exports(stage, cost),
        hours,
        hours == null ? null : hours * hardware.count(),
        hours == null || hardware.price() == 0 ? null : hours * hardware.count() * hardware.price(),
        hours == null ? null : stage.examples() * pictures / (hours * 3600),
        hours == null ? null : hardware.mfu() / passes,
        hours == null ? null : hardware.mfu() / passes * recomputation,
        notes);
  }

  /** Examples of a forward pass on one device. */
  private static int microBatch(StageConfig stage, Hardware hardware, List<String> notes) {
    int share = Math.max(1, stage.batchSize() / hardware.count());
    if (stage.examples() > 0 && stage.batchSize() % hardware.count() != 0) {
      notes.add(
          "a batch of %d examples cannot be divided among %d devices"
              .formatted(stage.batchSize(), hardware.count()));
    }
    return Math.min(share, stage.microBatchSize());
  }

  /** The parts of the model of which a stage trains something. */
  public static Set<Part> trainedParts(StageConfig stage, ModelConfig model) {
    return Trained.of(stage, model).parts();
  }

  /**
   * What is trained.
   *
   * @param byPart number of scalars of each part that has any
   * @param largest scalars of the largest block, which is gathered where parameters are divided
   * @param largestOther scalars of the largest block but the table, whose gradient is added to
   *     until all others are known
   */
  private record Trained(Map<Part, Long> byPart, long largest, long largestOther) {
    static Trained of(StageConfig stage, ModelConfig model) {
      List<BlockSpec> blocks = Architecture.of(model).blocks(stage.resolution());
      List<String> names =
          blocks.stream().flatMap(block -> block.parameters().stream().map(block::name)).toList();
      @Nullable ParameterGroups groups =
          stage.optimizer() == null
              ? null
              : ParameterGroups.of(stage.optimizer(), names, Long.MAX_VALUE);
      long largest = 0;
      long largestOther = 0;
      Map<Part, Long> byPart = new EnumMap<>(Part.class);
      for (BlockSpec block : blocks) {
        long size = 0;
        for (BlockSpec.Parameter parameter : block.parameters()) {
          size += parameter.shape().size();
          if (groups == null || groups.trains(block.name(parameter))) {
            byPart.merge(part(block.path()), parameter.shape().size(), Long::sum);
          }
        }
        largest = Math.max(largest, size);
        largestOther =
            part(block.path()) == Part.EMBEDDING ? largestOther : Math.max(largestOther, size);
      }
      return new Trained(byPart, largest, largestOther);
    }

    private static Part part(String path) {
      return switch (path) {
        case "vision" -> Part.VISION; // the position embedding
        case "connector" -> Part.CONNECTOR;
        case "language" -> Part.EMBEDDING;
        default -> path.startsWith("vision/") ? Part.VISION : Part.DECODER;
      };
    }

    Set<Part> parts() {
      return byPart.keySet();
    }

    long scalars() {
      return byPart.values().stream().mapToLong(Long::longValue).sum();
    }

    long scalars(Part part) {
      return byPart.getOrDefault(part, 0L);
    }

    int moments(StageConfig stage) {
      return stage.optimizer() == null ? 0 : stage.optimizer().momentBytes();
    }
  }

  // ---- Memory

  /** Parameters, gradients and moments on each device. */
  private static Map<Use, Long> state(
      StageConfig stage, ModelCost cost, Trained trained, Hardware hardware) {
    StorageConfig storage = stage.storage();
    Map<Use, Long> bytes = new EnumMap<>(Use.class);
    bytes.put(
        Use.PARAMETERS,
        inMemory(
            storage.parameters(),
            share(Use.PARAMETERS, FLOAT * cost.parameterCount(), trained, hardware),
            storage.parameterMemory().bytes()));
    bytes.put(
        Use.GRADIENTS,
        switch (storage.gradients()) {
          case MEMORY -> share(Use.GRADIENTS, FLOAT * trained.scalars(), trained, hardware);
          case DISK -> 0L;
          case RECOMPUTED -> FLOAT * (trained.scalars(Part.EMBEDDING) + trained.largestOther());
        });
    bytes.put(
        Use.MOMENTS,
        inMemory(
            storage.moments(),
            share(Use.MOMENTS, trained.moments(stage) * trained.scalars(), trained, hardware),
            2 * storage.momentMemory().bytes())); // Adam's two kinds
    return bytes;
  }

  /** A device's share; the largest block is whole on every device while it is computed. */
  private static long share(Use use, long bytes, Trained trained, Hardware hardware) {
    if (hardware.count() == 1 || !hardware.sharding().divides(use)) {
      return bytes;
    }
    long gathered = use == Use.MOMENTS ? 0 : FLOAT * trained.largest();
    return (bytes + hardware.count() - 1) / hardware.count() + gathered;
  }

  /**
   * Bytes in memory.
   *
   * @param most bytes of arrays on disk that can be there
   */
  private static long inMemory(StorageConfig.Storage storage, long bytes, long most) {
    return storage == StorageConfig.Storage.MEMORY ? bytes : Math.min(bytes, most);
  }

  private static Map<Use, Long> memory(
      StageConfig stage,
      ModelCost cost,
      Trained trained,
      Pass pass,
      Map<Use, Long> state,
      long graphBudget,
      Hardware hardware) {
    Map<Use, Long> bytes = cost.trainingBytes(pass, 0, 0, graphBudget, hardware.logits());
    bytes.putAll(state);
    if (gradientsComeLate(stage, hardware)) {
      bytes = highest(bytes, cost.ofImages(pass, graphBudget), trained);
    }
    if (hardware.memoryBytes() == 0) { // a GPU's copies and batches are in the computer's memory
      bytes.put(Use.CHECKPOINT, copied(stage, cost, trained));
      bytes.put(Use.BATCHES, readAhead(stage, pass));
    }
    return bytes;
  }

  /**
   * Whether gradients take their memory as they are computed, while graphs are freed: on a CPU, in
   * the first micro batch of a step, where nothing is on disk. Later ones find all of it taken.
   */
  private static boolean gradientsComeLate(StageConfig stage, Hardware hardware) {
    boolean divided = hardware.count() > 1 && hardware.sharding().divides(Use.GRADIENTS);
    return hardware.memoryBytes() == 0
        && !divided
        && !stage.storage().usesDisk()
        && stage.storage().gradients() == StorageConfig.Gradients.MEMORY
        && stage.batchSize() <= (long) hardware.count() * stage.microBatchSize();
  }

  /**
   * The highest of three moments: before the decoder's backward pass, when only the table has
   * gradients; between it and the image tower's; and at the end, when no graph is left.
   *
   * @param ofImages inputs and graphs of the image tower's blocks
   */
  private static Map<Use, Long> highest(
      Map<Use, Long> bytes, Map<Use, Long> ofImages, Trained trained) {
    Map<Use, Long> first = new EnumMap<>(bytes);
    first.put(Use.GRADIENTS, FLOAT * trained.scalars(Part.EMBEDDING));
    Map<Use, Long> between = new EnumMap<>(bytes);
    between.put(
        Use.GRADIENTS, FLOAT * (trained.scalars(Part.EMBEDDING) + trained.scalars(Part.DECODER)));
    between.putAll(ofImages);
    Map<Use, Long> last = new EnumMap<>(bytes);
    ofImages.keySet().forEach(use -> last.put(use, 0L));
    return Stream.of(first, between, last)
        .max(Comparator.comparingLong(StagePlan::sum))
        .orElse(bytes);
  }

  /** A save copies what it writes, unless that is on disk; the end of a stage needs no copy. */
  private static long copied(StageConfig stage, ModelCost cost, Trained trained) {
    boolean saves =
        stage.checkpoint().everyExamples() > 0
            && stage.checkpoint().everyExamples() < stage.examples();
    return saves && !stage.storage().usesDisk()
        ? FLOAT * cost.parameterCount() + trained.moments(stage) * trained.scalars()
        : 0;
  }

  /** Two micro batches or more are decoded ahead of the one that is trained. */
  private static long readAhead(StageConfig stage, Pass pass) {
    int readers = Math.max(1, Runtime.getRuntime().availableProcessors());
    long ahead = Math.max(2, (2L * readers + stage.microBatchSize() - 1) / stage.microBatchSize());
    return ahead * FLOAT * pass.pictures() * stage.resolution() * stage.resolution() * 3;
  }

  private static long sum(Map<Use, Long> bytes) {
    return bytes.values().stream().mapToLong(Long::longValue).sum();
  }

  // ---- Disk

  private static long exports(StageConfig stage, ModelCost cost) {
    long bytes = 0;
    for (ExportConfig.Format format : stage.export().formats()) {
      long scalars = cost.parameterCount();
      if (format == ExportConfig.Format.HUGGINGFACE) {
        // A row for <image>, and padding to a multiple of 64.
        int rows = cost.model().language().vocabulary();
        scalars += (long) (rows / 64 * 64 + 64 - rows) * cost.model().language().width();
      }
      bytes += scalars * stage.export().precision().bytes();
    }
    return bytes;
  }
}
