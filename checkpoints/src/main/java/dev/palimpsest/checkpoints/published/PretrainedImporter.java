package dev.palimpsest.checkpoints.published;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.published.SourceMatch.Place;
import dev.palimpsest.checkpoints.published.WeightMapping.Part;
import dev.palimpsest.checkpoints.tensors.ArrayMemory;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.Elements;
import dev.palimpsest.checkpoints.tensors.TensorBytes;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.model.ParameterSpecs;
import dev.palimpsest.model.blocks.Parameters;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Stage 0: published checkpoints become the parameters of a model. Every parameter must be found
 * and every tensor of a source be used, or be of a part that is dropped by rule; all exceptions are
 * reported together, before any data is read.
 */
public final class PretrainedImporter {
  /** Standard deviation of new embedding rows (the paper, section 5.3; models/ppp/gemma.py). */
  private static final double NEW_ROW_DEVIATION = 0.02;

  private final NDManager own;
  private final Map<String, Shape> specs;
  private final long seed;
  private final List<String> notes = new ArrayList<>();

  private PretrainedImporter(NDManager own, Map<String, Shape> specs, long seed) {
    this.own = own;
    this.specs = specs;
    this.seed = seed;
  }

  /**
   * Reads published checkpoints into parameters of a model.
   *
   * <p>Sources are npz files in big_vision's layout, blocks stacked or not, names with {@code
   * params/} or without, and Hugging Face safetensors, single or sharded. Position embeddings of
   * another grid are resampled. Embedding rows beyond the vocabulary are padding where the folder's
   * tokenizer has no token for them, or, without a tokenizer, where they are 128 at most; they are
   * cut. Missing ones are drawn from N(0, 0.02^2).
   *
   * @param manager receives a child that holds the parameters
   * @param model target sizes; its vocabulary may exceed the source's (new rows are drawn)
   * @param resolution resolution of the position embedding; resampled when the source differs
   * @param seed seed of drawn rows and of a normal connector
   * @throws InvalidConfigException when a source does not fit, listing every name and shape
   * @throws CheckpointFormatException when a source is damaged or of another kind
   */
  public static Imported read(
      NDManager manager, Init.FromPretrained source, ModelConfig model, int resolution, long seed) {
    Map<String, Shape> specs = ParameterSpecs.of(model, resolution);
    List<TensorSource> sources = new ArrayList<>();
    NDManager own = manager.newSubManager();
    try {
      PretrainedImporter importer = new PretrainedImporter(own, specs, seed);
      Map<String, Place> places = new LinkedHashMap<>();
      List<Problem> problems = new ArrayList<>();
      BiConsumer<@Nullable String, Set<Part>> match =
          (path, parts) -> {
            if (path != null) {
              TensorSource opened = TensorSource.open(Path.of(path));
              sources.add(opened);
              if (!describesModel(opened, model, parts, problems)) {
                return; // names and shapes of another architecture explain nothing more
              }
              SourceMatch found =
                  new SourceMatch(opened, SourceFacts.of(opened.path()), model, specs, parts);
              places.putAll(found.places);
              problems.addAll(found.problems);
              importer.notes.addAll(found.notes);
            }
          };
      match.accept(source.model(), EnumSet.allOf(Part.class));
      match.accept(source.vision(), EnumSet.of(Part.VISION));
      match.accept(source.language(), EnumSet.of(Part.LANGUAGE));
      if (!problems.isEmpty()) {
        throw new InvalidConfigException(problems);
      }
      Map<String, NDArray> arrays = new LinkedHashMap<>();
      for (String name : specs.keySet()) {
        Place place = places.get(name);
        arrays.put(
            name,
            place == null
                ? importer.connector(name, source.connector())
                : importer.load(name, place));
      }
      return new Imported(new Parameters(own, arrays), List.copyOf(importer.notes));
    } catch (RuntimeException e) {
      own.close();
      throw e;
    } finally {
      sources.forEach(TensorSource::close);
    }
  }

  /**
   * Head counts and epsilons leave no trace in shapes; the source's own config tells them.
   *
   * @return false where the config is one of another architecture
   */
  private static boolean describesModel(
      TensorSource source, ModelConfig model, Set<Part> parts, List<Problem> problems) {
    Path config = source.path().resolve("config.json");
    if (!Files.isDirectory(source.path()) || !Files.exists(config)) {
      return true;
    }
    boolean vision = parts.contains(Part.VISION);
    boolean language = parts.contains(Part.LANGUAGE);
    List<Problem> unsupported = HuggingFaceConfig.unsupported(config, vision, language);
    problems.addAll(
        unsupported.isEmpty()
            ? HuggingFaceConfig.differences(config, model, vision, language)
            : unsupported);
    return unsupported.isEmpty();
  }

  private NDArray load(String name, Place place) {
    Shape shape = Objects.requireNonNull(specs.get(name), name);
    if (name.equals(WeightMapping.EMBEDDING)) {
      return embedding(place, shape);
    }
    if (place.shape().equals(shape) && !place.form().moves()) {
      return ArrayMemory.create(own, shape, part(place));
    }
    try (NDManager scratch = own.newSubManager(Device.cpu())) {
      NDArray stored = ArrayMemory.create(scratch, place.foreign(), part(place));
      NDArray array = place.form().moves() ? place.form().toOurs(stored, place.shape()) : stored;
      if (!place.shape().equals(shape)) { // only the position embedding may differ
        notes.add(
            "%s: resampled position embeddings from %d to %d tokens, linear, corners aligned"
                .formatted(place.source().path(), place.shape().get(0), shape.get(0)));
        array =
            PositionEmbeddingResampler.resample(
                array.reshape(place.shape()), Math.toIntExact(shape.get(0)));
      }
      return keep(array);
    }
  }

  /** Source rows up to the vocabulary; the rest is drawn. */
  private NDArray embedding(Place place, Shape shape) {
    long width = shape.get(1);
    long rows = place.shape().get(0);
    long stored = Math.min(rows, shape.get(0)) * width;
    if (rows > shape.get(0)) {
      notes.add(
          "%s: cut the embedding from %d to %d rows; the surplus is padding"
              .formatted(place.source().path(), rows, shape.get(0)));
    } else if (rows < shape.get(0)) {
      notes.add(
          "%s: extended the embedding from %d to %d rows, drawn from N(0, %s^2) with seed %d"
              .formatted(place.source().path(), rows, shape.get(0), NEW_ROW_DEVIATION, seed));
    }
    ArrayMemory.Part read = part(place);
    SeededNormal drawn = new SeededNormal(seed, WeightMapping.EMBEDDING);
    return ArrayMemory.create(
        own,
        shape,
        (first, memory) -> {
          int known =
              (int) Math.max(0, Math.min(memory.remaining(), (stored - first) * Float.BYTES));
          if (known > 0) {
            read.visit(first, memory.slice(0, known).order(memory.order()));
          }
          drawn.fill(
              memory.slice(known, memory.remaining() - known).order(memory.order()),
              NEW_ROW_DEVIATION);
        });
  }

  private NDArray connector(String name, Init.ConnectorInit init) {
    Shape shape = Objects.requireNonNull(specs.get(name), name);
    if (shape.dimension() == 1 || init == Init.ConnectorInit.ZERO) {
      notes.add("%s: zeros".formatted(name));
      return own.zeros(shape);
    }
    double deviation = 1 / Math.sqrt((double) shape.get(1));
    notes.add(
        "%s: drawn from a normal distribution of variance 1/%d with seed %d"
            .formatted(name, shape.get(1), seed));
    SeededNormal drawn = new SeededNormal(seed, name);
    return ArrayMemory.create(own, shape, (first, memory) -> drawn.fill(memory, deviation));
  }

  private static ArrayMemory.Part part(Place place) {
    TensorBytes bytes = place.source().bytes(place.tensor());
    ElementType type = place.source().info(place.tensor()).type();
    return (first, memory) ->
        Elements.readFloats(bytes, type, place.firstElement() + first, memory);
  }

  private NDArray keep(NDArray array) {
    NDArray kept = array.toDevice(own.getDevice(), false);
    kept.attach(own);
    return kept;
  }

  /**
   * The result.
   *
   * @param parameters all parameters of the model
   * @param notes one line each: what was dropped, drawn, resampled
   */
  public record Imported(Parameters parameters, List<String> notes) {
    /** Copies. */
    public Imported {
      notes = List.copyOf(notes);
    }
  }
}
