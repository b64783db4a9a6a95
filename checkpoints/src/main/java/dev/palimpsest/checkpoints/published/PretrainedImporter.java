package dev.palimpsest.checkpoints.published;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.published.SourceMatch.Place;
import dev.palimpsest.checkpoints.published.WeightMapping.Part;
import dev.palimpsest.checkpoints.tensors.ArrayMemory;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.Elements;
import dev.palimpsest.checkpoints.tensors.TensorBytes;
import dev.palimpsest.checkpoints.tensors.TensorInfo;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Values;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.Init.NewTokens;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.model.Architecture;
import dev.palimpsest.model.ParameterSpecs;
import dev.palimpsest.model.blocks.Parameters;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Stage 0: reads published checkpoints as the parameters of a model. Every parameter must be found,
 * and every tensor of a source must be used or belong to a part that is dropped by rule; all
 * problems are reported together, before any data are read.
 *
 * <p>Parameters are supplied as tensors that are read piece by piece while they are written, so
 * that a model of any size needs little memory.
 *
 * <p>Sources are npz files in big_vision's layout, blocks stacked or not, names with {@code
 * params/} or without, and Hugging Face safetensors, single or sharded. Position embeddings of
 * another grid are resampled. Embedding rows beyond the vocabulary are padding if the folder's
 * tokenizer has no token for them or, without a tokenizer, if there are at most 128; they are cut
 * off. Missing rows are drawn from N(0, 0.02^2).
 */
public final class PretrainedImporter implements AutoCloseable {
  /** Standard deviation of new embedding rows (the paper, section 5.3; models/ppp/gemma.py). */
  private static final double NEW_ROW_DEVIATION = 0.02;

  private final long seed;
  private final List<TensorSource> sources = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();
  private final List<Tensor> tensors = new ArrayList<>();

  private final Band band = new Band();

  private PretrainedImporter(long seed) {
    this.seed = seed;
  }

  /**
   * Opens published checkpoints as parameters of a model.
   *
   * @param model target sizes; its vocabulary may exceed the source's (new rows are drawn)
   * @param resolution resolution of the position embedding, which is resampled if the source's
   *     differs
   * @param seed seed of drawn rows and of a normal connector
   * @throws InvalidConfigException when a source does not fit, listing every name and shape
   * @throws CheckpointFormatException when a source is damaged or of another kind
   */
  public static PretrainedImporter open(
      Init.FromPretrained source, ModelConfig model, int resolution, long seed) {
    return open(source, Architecture.of(model), model, resolution, seed);
  }

  /**
   * The same for any towers.
   *
   * @param model sizes that a {@code config.json} beside the tensors must agree with; null for
   *     towers that no config describes
   */
  static PretrainedImporter open(
      Init.FromPretrained source,
      Architecture towers,
      @Nullable ModelConfig model,
      int resolution,
      long seed) {
    PretrainedImporter importer = new PretrainedImporter(seed);
    try {
      importer.match(source, towers, model, ParameterSpecs.of(towers, resolution));
      return importer;
    } catch (RuntimeException e) {
      importer.close();
      throw e;
    }
  }

  /**
   * Reads published checkpoints into memory.
   *
   * @param manager receives a child that holds the parameters
   */
  public static Imported read(
      NDManager manager, Init.FromPretrained source, ModelConfig model, int resolution, long seed) {
    NDManager own = manager.newSubManager();
    try (PretrainedImporter importer = open(source, model, resolution, seed)) {
      Map<String, NDArray> arrays = new LinkedHashMap<>();
      importer.tensors.forEach(tensor -> arrays.put(tensor.info().name(), tensor.toArray(own)));
      return new Imported(new Parameters(own, arrays), importer.notes);
    } catch (RuntimeException e) {
      own.close();
      throw e;
    }
  }

  /** One line each: what was dropped, drawn, resampled. */
  public List<String> notes() {
    return List.copyOf(notes);
  }

  /**
   * All parameters of the model in its order, float32. They are read as they are written, one after
   * another and as often as needed, until this is closed.
   *
   * @throws CheckpointFormatException while they are written, when a source is damaged
   */
  public List<Tensor> tensors() {
    return List.copyOf(tensors);
  }

  private void match(
      Init.FromPretrained source,
      Architecture towers,
      @Nullable ModelConfig model,
      Map<String, Shape> specs) {
    Map<String, Place> places = new LinkedHashMap<>();
    List<Problem> problems = new ArrayList<>();
    match(source.model(), EnumSet.allOf(Part.class), towers, model, specs, places, problems);
    match(source.vision(), EnumSet.of(Part.VISION), towers, model, specs, places, problems);
    match(source.language(), EnumSet.of(Part.LANGUAGE), towers, model, specs, places, problems);
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
    specs.forEach(
        (name, shape) -> {
          Place place = places.get(name);
          tensors.add(
              new Tensor(
                  new TensorInfo(name, ElementType.F32, shape),
                  place == null
                      ? connector(name, shape, source.connector())
                      : values(name, shape, place, source.newTokens())));
        });
  }

  private void match(
      @Nullable String path,
      Set<Part> parts,
      Architecture towers,
      @Nullable ModelConfig model,
      Map<String, Shape> specs,
      Map<String, Place> places,
      List<Problem> problems) {
    if (path == null) {
      return;
    }
    TensorSource opened = TensorSource.open(Path.of(path));
    sources.add(opened);
    if (model != null && !describesModel(opened, model, parts, problems)) {
      return; // its names and shapes would only add confusing problems
    }
    SourceMatch found =
        new SourceMatch(opened, SourceFacts.of(opened.path()), towers, specs, parts);
    places.putAll(found.places);
    problems.addAll(found.problems);
    notes.addAll(found.notes);
  }

  /**
   * Compares the model with the source's own config, because shapes do not show head counts and
   * epsilons.
   *
   * @return false if the config describes another architecture
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

  private Values values(String name, Shape shape, Place place, NewTokens newTokens) {
    if (name.equals(WeightMapping.EMBEDDING)) {
      return embedding(place, shape, newTokens);
    }
    if (!place.shape().equals(shape)) { // only the position embedding may differ
      return positions(place, shape);
    }
    if (place.form().moves()) {
      return out -> out.writeInOrder(shape.size(), moved(place));
    }
    return out -> out.write(shape.size(), stored(place));
  }

  private ArrayMemory.Part moved(Place place) {
    return place.form().ours(stored(place), place.foreign(), band::lend);
  }

  private static ArrayMemory.Part stored(Place place) {
    TensorBytes bytes = place.source().bytes(place.tensor());
    ElementType type = place.source().info(place.tensor()).type();
    return (first, memory) ->
        Elements.readFloats(bytes, type, place.firstElement() + first, memory);
  }

  private Values positions(Place place, Shape shape) {
    notes.add(
        "%s: resampled position embeddings from %d to %d tokens, linear, corners aligned"
            .formatted(place.source().path(), place.shape().get(0), shape.get(0)));
    return out -> {
      float[] grid = new float[Math.toIntExact(place.shape().size())];
      ByteBuffer memory =
          ByteBuffer.allocate(Math.multiplyExact(grid.length, Float.BYTES))
              .order(ByteOrder.nativeOrder());
      (place.form().moves() ? moved(place) : stored(place)).visit(0, memory);
      memory.clear().asFloatBuffer().get(grid);
      float[] resampled =
          PositionEmbeddingResampler.resample(
              grid,
              Math.toIntExact(place.shape().get(0)),
              Math.toIntExact(shape.get(1)),
              Math.toIntExact(shape.get(0)));
      out.write(resampled, resampled.length);
    };
  }

  /** The source's rows up to the vocabulary; further ones are drawn. */
  private Values embedding(Place place, Shape shape, NewTokens newTokens) {
    long rows = place.shape().get(0);
    if (rows > shape.get(0)) {
      notes.add(
          "%s: cut the embedding from %d to %d rows; the surplus is padding"
              .formatted(place.source().path(), rows, shape.get(0)));
    } else if (rows < shape.get(0)) {
      notes.add(
          "%s: extended the embedding from %d to %d rows, drawn from %s with seed %d"
              .formatted(
                  place.source().path(),
                  rows,
                  shape.get(0),
                  newTokens == NewTokens.MEAN
                      ? "the mean of the others and a hundredth of their deviation"
                      : "N(0, %s^2)".formatted(NEW_ROW_DEVIATION),
                  seed));
    }
    long known = Math.min(rows, shape.get(0)) * shape.get(1);
    ArrayMemory.Part stored = stored(place);
    return out -> {
      SeededNormal drawn = new SeededNormal(seed, WeightMapping.EMBEDDING);
      if (newTokens == NewTokens.NORMAL || known == shape.size()) {
        out.write(known, stored);
        out.writeInOrder(
            shape.size() - known, (first, memory) -> drawn.fill(memory, NEW_ROW_DEVIATION));
        return;
      }
      RowStatistics others = new RowStatistics(Math.toIntExact(shape.get(1)));
      out.writeInOrder(
          known,
          (first, memory) -> {
            stored.visit(first, memory.duplicate().order(memory.order()));
            others.add(first, memory.duplicate().order(memory.order()).asFloatBuffer());
          });
      out.writeInOrder(
          shape.size() - known,
          (first, memory) -> {
            drawn.fill(memory.duplicate().order(memory.order()), others.deviation() / 100);
            others.addMean(first, memory.duplicate().order(memory.order()).asFloatBuffer());
          });
    };
  }

  private Values connector(String name, Shape shape, Init.ConnectorInit init) {
    boolean last = !name.startsWith("connector/hidden/");
    if (shape.dimension() == 1 || (last && init == Init.ConnectorInit.ZERO)) {
      notes.add("%s: zeros".formatted(name));
      return Tensor.zeros(name, shape).values();
    }
    double deviation = 1 / Math.sqrt((double) shape.get(1));
    notes.add(
        "%s: drawn from a normal distribution of variance 1/%d with seed %d"
            .formatted(name, shape.get(1), seed));
    return out -> {
      SeededNormal drawn = new SeededNormal(seed, name);
      out.writeInOrder(shape.size(), (first, memory) -> drawn.fill(memory, deviation));
    };
  }

  /** Closes the sources. */
  @Override
  public void close() {
    sources.forEach(TensorSource::close);
  }

  /**
   * Parameters in memory.
   *
   * @param parameters all parameters of the model
   * @param notes one line each: what was dropped, drawn, resampled
   */
  public record Imported(Parameters parameters, List<String> notes) {
    /** Keeps unmodifiable copies. */
    public Imported {
      notes = List.copyOf(notes);
    }
  }
}
