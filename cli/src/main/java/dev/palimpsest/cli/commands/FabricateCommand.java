package dev.palimpsest.cli.commands;

import dev.palimpsest.checkpoints.published.FabricatedTowers;
import dev.palimpsest.checkpoints.published.TowerExporter;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.binding.Presets;
import dev.palimpsest.configs.checks.Suggestion;
import dev.palimpsest.files.Durable;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.playground.FabricatedVocabulary;
import dev.palimpsest.mixtures.text.BpeTrainer;
import dev.palimpsest.mixtures.text.Piece;
import dev.palimpsest.mixtures.text.TokenizerFiles;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/**
 * {@code palimpsest fabricate}: the files that stage 0 imports, at their true size, with random
 * values.
 */
@Command(
    name = "fabricate",
    mixinStandardHelpOptions = true,
    description = {
      "Writes the published files that stage 0 imports, with their names, layouts and sizes, but"
          + " random values, so that a recipe can be tried at its real size before the real files are available.",
      "Existing files are kept; after an interruption, run the same command again to continue."
    })
public final class FabricateCommand implements Callable<Integer> {
  /** Increased when the same settings would write different files than before. */
  private static final int FORMAT = 1;

  private static final String FACTS = "fabricated.json";
  private static final int RESOLUTION = 224;

  /** Length of SigLIP's texts; the checkpoint of 224 pixels was trained on short ones. */
  private static final int TEXT_TOKENS = 16;

  /** An upper limit on the size of a vocabulary's files, in bytes per piece. */
  private static final long PIECE_BYTES = 300;

  private static final double GIGABYTE = 1e9;

  @Spec CommandSpec spec;

  @Option(
      names = "--preset",
      required = true,
      paramLabel = "NAME",
      converter = PresetByName.class,
      description = "Which model's files: ${COMPLETION-CANDIDATES}.")
  Preset preset;

  @Option(names = "--out", required = true, paramLabel = "DIR", description = "Folder to write to.")
  Path out;

  @Option(
      names = "--seed",
      defaultValue = "0",
      description = "Random seed; the same seed gives the same files. Default: ${DEFAULT-VALUE}.")
  long seed;

  @Option(
      names = "--parts",
      split = ",",
      paramLabel = "PART",
      converter = PartByName.class,
      description = {
        "What to write, separated by commas: ${COMPLETION-CANDIDATES}.",
        "Default: everything."
      })
  List<Part> parts = List.of(Part.values());

  /** The models that are imitated. */
  enum Preset {
    PALIGEMMA_3B("siglip-so400m/14", "gemma-2b", "gemma-2b"),
    PALIGEMMA2_3B("siglip-so400m/14", "gemma2-2b", "gemma-2-2b"),
    PALIGEMMA2_10B("siglip-so400m/14", "gemma2-9b", "gemma-2-9b"),
    TINY("siglip-tiny/14", "gemma-tiny", "gemma-tiny"),
    TINY2("siglip-tiny/14", "gemma2-tiny", "gemma-2-tiny");

    private final String vision;
    private final String language;
    private final String gemma;

    /**
     * Two towers.
     *
     * @param vision preset of the image tower
     * @param language preset of the decoder
     * @param gemma name of the decoder's folder
     */
    Preset(String vision, String language, String gemma) {
      this.vision = vision;
      this.language = language;
      this.gemma = gemma;
    }

    private boolean tiny() {
      return this == TINY || this == TINY2;
    }

    /** Gemma's pieces, before location and segmentation tokens are added. */
    private int pieces() {
      return tiny() ? 1024 : 256_000;
    }

    /** Pieces of SigLIP's English tokenizer. */
    private int texts() {
      return tiny() ? 512 : 32_000;
    }

    private ModelConfig model() {
      return new ModelConfig(Presets.vision(vision), Presets.language(language))
          .withVocabulary(pieces());
    }

    private String file(Part part) {
      return switch (part) {
        case SIGLIP_NPZ -> tiny() ? "siglip_tiny.npz" : "webli_en_so400m_224_57633886.npz";
        case SIGLIP_HF -> tiny() ? "siglip-tiny" : "siglip-so400m-patch14-224";
        case GEMMA -> gemma;
        case TOKENIZER -> "paligemma_tokenizer.model";
        case MASK_CODEC -> "vae-oid.npz";
      };
    }

    @Override
    public String toString() {
      return option(name());
    }
  }

  /** One file or folder. */
  enum Part {
    /** The image tower in big_vision's layout. */
    SIGLIP_NPZ,
    /** The same in Hugging Face's layout. */
    SIGLIP_HF,
    /** The decoder with its own tokenizer. */
    GEMMA,
    /** The decoder's tokenizer with location and segmentation tokens. */
    TOKENIZER,
    /** The codec of masks; narrower than the published one. */
    MASK_CODEC;

    @Override
    public String toString() {
      return option(name());
    }
  }

  private static String option(String name) {
    return name.toLowerCase(Locale.ROOT).replace('_', '-');
  }

  static final class PresetByName implements ITypeConverter<Preset> {
    @Override
    public Preset convert(String name) {
      return named(Preset.values(), "preset", name);
    }
  }

  static final class PartByName implements ITypeConverter<Part> {
    @Override
    public Part convert(String name) {
      return named(Part.values(), "part", name);
    }
  }

  private static <T> T named(T[] all, String kind, String name) {
    return Stream.of(all)
        .filter(one -> one.toString().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new TypeConversionException(
                    "unknown %s '%s'%s"
                        .formatted(
                            kind,
                            name,
                            Suggestion.among(name, Stream.of(all).map(T::toString).toList()))));
  }

  @Override
  public Integer call() throws IOException {
    List<Part> missing =
        EnumSet.copyOf(parts).stream().filter(part -> !Files.exists(place(part))).toList();
    checkFacts(missing);
    FabricatedTowers towers =
        new FabricatedTowers(preset.model(), RESOLUTION, preset.texts(), TEXT_TOKENS, seed);
    checkSpace(missing, towers);
    Durable.file(out.resolve(FACTS), facts().getBytes(StandardCharsets.UTF_8));
    List<Piece> pieces = List.of();
    for (Part part : missing) {
      long began = System.nanoTime();
      if (pieces.isEmpty() && (part == Part.GEMMA || part == Part.TOKENIZER)) {
        pieces = FabricatedVocabulary.pieces(preset.pieces(), seed);
      }
      write(part, towers, pieces);
      report(place(part), (System.nanoTime() - began) / 1e9);
    }
    PrintWriter print = spec.commandLine().getOut();
    EnumSet.copyOf(parts).stream()
        .filter(part -> !missing.contains(part))
        .forEach(part -> print.println(place(part) + ": exists already"));
    return ExitCode.DONE.code();
  }

  private void write(Part part, FabricatedTowers towers, List<Piece> pieces) {
    Path place = place(part);
    switch (part) {
      case SIGLIP_NPZ -> towers.siglipBigVision(place);
      case SIGLIP_HF -> towers.siglipHuggingFace(place);
      case GEMMA -> towers.gemma(place, folder -> TokenizerFiles.write(folder, pieces));
      case TOKENIZER ->
          TokenizerFiles.writeSentencePiece(place, BpeTrainer.withLocationsAndSegments(pieces));
      case MASK_CODEC -> TowerExporter.maskCodec(place, seed);
    }
  }

  private Path place(Part part) {
    return out.resolve(preset.file(part));
  }

  private void report(Path place, double seconds) throws IOException {
    long bytes;
    try (Stream<Path> files = Files.walk(place)) {
      bytes = files.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum();
    }
    PrintWriter print = spec.commandLine().getOut();
    print.printf(
        "%s: %.3f GB in %.1f s, %.0f MB/s%n",
        place, bytes / GIGABYTE, seconds, bytes / 1e6 / seconds);
    print.flush();
  }

  private String facts() throws IOException {
    return Json.STRICT
            .createObjectNode()
            .put("format", FORMAT)
            .put("preset", preset.toString())
            .put("seed", Long.toString(seed))
            .toPrettyString()
        + "\n";
  }

  /** A folder has files of one preset and seed only, so that none is mistaken for another. */
  private void checkFacts(List<Part> missing) throws IOException {
    Path facts = out.resolve(FACTS);
    if (Files.exists(facts)) {
      String found = Files.readString(facts);
      if (!found.equals(facts())) {
        throw new UserMistake(
            "%s contains other fabricated files: found %s, asked for %s; remove them or name another"
                    .formatted(out, oneLine(found), oneLine(facts()))
                + " folder");
      }
    } else {
      for (Part part : EnumSet.copyOf(parts)) {
        if (!missing.contains(part)) {
          throw new UserMistake(
              "%s exists and was not written by this command (there is no %s beside it); name"
                      .formatted(place(part), FACTS)
                  + " another folder");
        }
      }
    }
  }

  private static String oneLine(String json) {
    return json.strip().replaceAll("\\s+", " ");
  }

  private void checkSpace(List<Part> missing, FabricatedTowers towers) throws IOException {
    long needed = 0;
    for (Part part : missing) {
      needed +=
          switch (part) {
            case SIGLIP_NPZ, SIGLIP_HF -> towers.siglipBytes();
            case GEMMA -> towers.gemmaBytes() + PIECE_BYTES * preset.pieces();
            case TOKENIZER, MASK_CODEC -> PIECE_BYTES * preset.pieces();
          };
    }
    Files.createDirectories(out);
    long free = Files.getFileStore(out).getUsableSpace();
    if (needed > free) {
      throw new UserMistake(
          "%s has %.1f GB free, the files need %.1f GB; free some space, or choose fewer with --parts"
              .formatted(out, free / GIGABYTE, needed / GIGABYTE));
    }
  }
}
