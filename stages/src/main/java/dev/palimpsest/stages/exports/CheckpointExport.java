package dev.palimpsest.stages.exports;

import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.published.ExportedProcessor;
import dev.palimpsest.checkpoints.published.ModelExporter;
import dev.palimpsest.checkpoints.published.ParameterValues;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.TensorBytes;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.ExportConfig.Format;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.files.Durable;
import dev.palimpsest.files.WrittenFile;
import dev.palimpsest.mixtures.text.HuggingFaceTokenizer;
import dev.palimpsest.model.ParameterSpecs;
import dev.palimpsest.stages.folder.Scores;
import dev.palimpsest.stages.lineage.Lineage;
import dev.palimpsest.stages.lineage.StageFacts;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * A training checkpoint in a published layout, with its lineage. Parameters are copied from file to
 * file piece by piece, so that the memory needed does not depend on the size of the model.
 *
 * @param checkpoint what is exported; its facts describe the model
 * @param tokenizer the tokenizer's file, for a Hugging Face folder
 * @param format layout
 * @param precision number format of the weights
 */
public record CheckpointExport(
    TrainingCheckpoint checkpoint, Path tokenizer, Format format, Precision precision) {
  private static final String PARAMETERS = "parameters";

  /** The name of the export in the lineage: {@code huggingface f32}. */
  private String name() {
    return "%s %s".formatted(ConfigYaml.word(format), ConfigYaml.word(precision));
  }

  private Optional<Lineage> lineage() {
    return Lineage.ifAny(checkpoint.folder(), checkpoint.manifest());
  }

  /** Whether this same export already exists at a place, judged by its sizes. */
  public boolean stands(Path target) {
    return lineage().filter(l -> l.isWholeExport(target, name())).isPresent();
  }

  /** Bytes of the weights that are written, except for a few rows of padding. */
  public long bytes() {
    long each = precision == Precision.F32 ? Float.BYTES : Short.BYTES;
    StageFacts facts = StageFacts.of(checkpoint);
    return each
        * ParameterSpecs.of(facts.model(), facts.resolution()).values().stream()
            .mapToLong(Shape::size)
            .sum();
  }

  /**
   * Writes the export; an existing one is replaced when the new one is complete.
   *
   * @param target a folder for Hugging Face, a file for big_vision
   * @param verifies whether the checkpoint's file is verified on the way; one that this process has
   *     written or opened was
   * @throws CheckpointFormatException when the checkpoint is damaged
   * @throws dev.palimpsest.configs.checks.InvalidConfigException when the layout cannot hold it
   */
  public void write(Path target, boolean verifies) {
    StageFacts facts = StageFacts.of(checkpoint);
    Optional<Lineage> lineage = lineage();
    try (TensorSource file = checkpoint.source(PARAMETERS)) {
      ParameterValues plain = ParameterValues.of(file);
      ParameterValues values = verifies ? new Verified(plain, checkpoint) : plain;
      if (format == Format.HUGGINGFACE) {
        HuggingFaceTokenizer files = HuggingFaceTokenizer.of(tokenizer);
        ModelExporter.huggingFace(
            target,
            values,
            facts.model(),
            facts.resolution(),
            precision,
            new ExportedProcessor(facts.image().resize(), files.imageToken(), files.files()),
            written -> lineage.map(known -> beside(known, facts, written)).orElse(Map.of()));
      } else {
        WrittenFile written =
            ModelExporter.bigVision(target, values, facts.model(), facts.resolution(), precision);
        lineage.ifPresent(
            known -> Durable.file(Lineage.besides(target), known.beside(name(), List.of(written))));
      }
    }
  }

  /** The model card, and the lineage, which contains the hashes of all other files. */
  private Map<String, byte[]> beside(Lineage known, StageFacts facts, List<WrittenFile> written) {
    byte[] card = ModelCard.of(known, facts, precision, scores(known), run());
    List<WrittenFile> all = new ArrayList<>(written);
    all.add(
        new WrittenFile(
            ModelCard.FILE,
            card.length,
            HexFormat.of().formatHex(ContentHash.sha256().digest(card))));
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put(ModelCard.FILE, card);
    files.put(Lineage.FILE, known.beside(name(), all));
    return files;
  }

  /** {@code RUN/STAGE/checkpoints/NAME}. */
  private Path stage() {
    return checkpoint.folder().toAbsolutePath().resolve("../..").normalize();
  }

  private Path run() {
    return stage().resolve("..").normalize();
  }

  /** The stage's scores at this checkpoint. */
  private Map<String, SuiteResult> scores(Lineage known) {
    Set<String> fingerprints = new HashSet<>(Set.of(known.fingerprint()));
    known.accepted().forEach(change -> fingerprints.add(change.from()));
    String end = known.identity().getOrDefault("stage.examples", "");
    List<String> moments = new ArrayList<>();
    if (end.equals(Long.toString(known.examples()))) {
      moments.add("after");
    }
    moments.add(known.examples() == 0 ? "before" : "at-" + known.examples());
    return moments.stream()
        .map(moment -> Scores.found(stage().resolve("scores"), fingerprints, moment))
        .filter(found -> !found.isEmpty())
        .findFirst()
        .orElse(Map.of());
  }

  /** A checkpoint's parameters; another thread verifies the file while they are read. */
  private static final class Verified implements ParameterValues {
    private final ParameterValues file;
    private final CompletableFuture<Void> verified;

    Verified(ParameterValues file, TrainingCheckpoint checkpoint) {
      this.file = file;
      this.verified = CompletableFuture.runAsync(() -> checkpoint.verify(PARAMETERS));
    }

    @Override
    public Map<String, Shape> shapes() {
      return file.shapes();
    }

    @Override
    public TensorBytes bytes(String name) {
      return file.bytes(name);
    }

    @Override
    public void allRead() {
      try {
        verified.join();
      } catch (CompletionException e) {
        throw e.getCause() instanceof CheckpointFormatException damaged ? damaged : e;
      }
    }
  }
}
