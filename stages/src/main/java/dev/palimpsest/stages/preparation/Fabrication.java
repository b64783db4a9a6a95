package dev.palimpsest.stages.preparation;

import dev.palimpsest.checkpoints.published.FabricatedTowers;
import dev.palimpsest.checkpoints.published.TowerExporter;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.binding.Presets;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.data.PrepareConfig.Fabricate;
import dev.palimpsest.configs.data.PrepareConfig.Fabricate.Part;
import dev.palimpsest.files.Durable;
import dev.palimpsest.files.FolderSize;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.playground.FabricatedVocabulary;
import dev.palimpsest.mixtures.text.BpeTrainer;
import dev.palimpsest.mixtures.text.Piece;
import dev.palimpsest.mixtures.text.TokenizerFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * Writes the published files that stage 0 imports, at their true size, with random values. Each is
 * written whole or not at all, and kept if it exists; {@code fabricated.json} says what the folder
 * contains.
 */
public final class Fabrication {
  /** Increased when the same settings would write different files than before. */
  private static final int FORMAT = 1;

  private static final String FACTS = "fabricated.json";
  private static final int RESOLUTION = 224;

  /** Length of SigLIP's texts; the checkpoint of 224 pixels was trained on short ones. */
  private static final int TEXT_TOKENS = 16;

  /** An upper limit on the size of a vocabulary's files, in bytes per piece. */
  private static final long PIECE_BYTES = 300;

  private static final double GIGABYTE = 1e9;

  private final Fabricate settings;
  private final Sizes sizes;
  private final Path out;
  private final String key;

  /**
   * Files of some settings.
   *
   * @param key of the output folder, for messages
   */
  public Fabrication(Fabricate settings, String key) {
    this.settings = settings;
    this.sizes = Sizes.of(settings.model());
    this.out = Path.of(settings.out());
    this.key = key;
  }

  /**
   * How a model's files are called, and how large its vocabularies are.
   *
   * @param vision preset of the image tower
   * @param language preset of the decoder
   * @param npz the image tower in big_vision's layout
   * @param huggingFace the same in Hugging Face's
   * @param gemma the decoder's folder
   * @param pieces Gemma's, before location and segmentation tokens are added
   * @param texts pieces of SigLIP's English tokenizer
   */
  private record Sizes(
      String vision,
      String language,
      String npz,
      String huggingFace,
      String gemma,
      int pieces,
      int texts) {
    static Sizes of(Fabricate.Model model) {
      return switch (model) {
        case PALIGEMMA_3B -> published("gemma-2b", "gemma-2b");
        case PALIGEMMA2_3B -> published("gemma2-2b", "gemma-2-2b");
        case PALIGEMMA2_10B -> published("gemma2-9b", "gemma-2-9b");
        case TINY -> tiny("gemma-tiny", "gemma-tiny");
        case TINY2 -> tiny("gemma2-tiny", "gemma-2-tiny");
      };
    }

    private static Sizes published(String language, String gemma) {
      return new Sizes(
          "siglip-so400m/14",
          language,
          "webli_en_so400m_224_57633886.npz",
          "siglip-so400m-patch14-224",
          gemma,
          256_000,
          32_000);
    }

    private static Sizes tiny(String language, String gemma) {
      return new Sizes(
          "siglip-tiny/14", language, "siglip_tiny.npz", "siglip-tiny", gemma, 1024, 512);
    }

    ModelConfig model() {
      return new ModelConfig(Presets.vision(vision), Presets.language(language))
          .withVocabulary(pieces);
    }
  }

  /**
   * Writes what is missing.
   *
   * @param report gets a sentence for each part
   * @throws InvalidConfigException if the folder contains other files, or its disk has no room
   * @throws UncheckedIOException if a file cannot be written
   */
  public void write(Consumer<String> report) {
    try {
      List<Part> missing =
          settings.wanted().stream().filter(part -> !Files.exists(place(part))).toList();
      checkFacts(missing);
      FabricatedTowers towers =
          new FabricatedTowers(
              sizes.model(), RESOLUTION, sizes.texts, TEXT_TOKENS, settings.seed());
      checkSpace(missing, towers);
      Durable.file(out.resolve(FACTS), facts().getBytes(StandardCharsets.UTF_8));
      List<Piece> pieces = List.of();
      for (Part part : missing) {
        long began = System.nanoTime();
        if (pieces.isEmpty() && (part == Part.GEMMA || part == Part.TOKENIZER)) {
          pieces = FabricatedVocabulary.pieces(sizes.pieces, settings.seed());
        }
        write(part, towers, pieces);
        report.accept(written(place(part), (System.nanoTime() - began) / 1e9));
      }
      settings.wanted().stream()
          .filter(part -> !missing.contains(part))
          .forEach(part -> report.accept(place(part) + ": exists already"));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + out, e);
    }
  }

  private void write(Part part, FabricatedTowers towers, List<Piece> pieces) {
    Path place = place(part);
    switch (part) {
      case SIGLIP_NPZ -> towers.siglipBigVision(place);
      case SIGLIP_HF -> towers.siglipHuggingFace(place);
      case GEMMA -> towers.gemma(place, folder -> TokenizerFiles.write(folder, pieces));
      case TOKENIZER ->
          TokenizerFiles.writeSentencePiece(place, BpeTrainer.withLocationsAndSegments(pieces));
      case MASK_CODEC -> TowerExporter.maskCodec(place, settings.seed());
    }
  }

  private Path place(Part part) {
    return out.resolve(
        switch (part) {
          case SIGLIP_NPZ -> sizes.npz;
          case SIGLIP_HF -> sizes.huggingFace;
          case GEMMA -> sizes.gemma;
          case TOKENIZER -> "paligemma_tokenizer.model";
          case MASK_CODEC -> "vae-oid.npz";
        });
  }

  private static String written(Path place, double seconds) {
    long bytes = FolderSize.bytes(place);
    return String.format(
        Locale.ROOT,
        "%s: %.3f GB in %.1f s, %.0f MB/s",
        place,
        bytes / GIGABYTE,
        seconds,
        bytes / 1e6 / seconds);
  }

  private String facts() throws IOException {
    return Json.STRICT
            .createObjectNode()
            .put("format", FORMAT)
            .put("preset", settings.preset())
            .put("seed", Long.toString(settings.seed()))
            .toPrettyString()
        + "\n";
  }

  /** A folder has files of one preset and seed only, so that none is mistaken for another. */
  private void checkFacts(List<Part> missing) throws IOException {
    Path facts = out.resolve(FACTS);
    if (Files.exists(facts)) {
      String found = Files.readString(facts);
      if (!found.equals(facts())) {
        throw mistake(
            "%s contains other fabricated files: found %s, asked for %s; remove them or name another"
                    .formatted(out, oneLine(found), oneLine(facts()))
                + " folder");
      }
    } else {
      for (Part part : settings.wanted()) {
        if (!missing.contains(part)) {
          throw mistake(
              "%s exists and was not fabricated (there is no %s beside it); name another folder"
                  .formatted(place(part), FACTS));
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
            case GEMMA -> towers.gemmaBytes() + PIECE_BYTES * sizes.pieces;
            case TOKENIZER, MASK_CODEC -> PIECE_BYTES * sizes.pieces;
          };
    }
    Files.createDirectories(out);
    long free = Files.getFileStore(out).getUsableSpace();
    if (needed > free) {
      throw mistake(
          "%s has %.1f GB free, the files need %.1f GB; free some space, or choose fewer parts"
              .formatted(out, free / GIGABYTE, needed / GIGABYTE));
    }
  }

  private InvalidConfigException mistake(String message) {
    return new InvalidConfigException(List.of(new Problem(key, message)));
  }
}
