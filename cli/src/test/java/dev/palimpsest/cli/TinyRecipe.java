package dev.palimpsest.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Recipes for a tiny model. */
public final class TinyRecipe {
  /** How a stage imports the two towers. */
  public static final String IMPORT =
      "{pretrained: {vision: '${run}/towers/siglip.npz', language: '${run}/towers/gemma'}}";

  private static final String HEAD =
      """
      threads: 1
      prepare:
        playground: {out: '${run}/data', trainImages: 12, heldOutImages: 12}
        towers: {out: '${run}/towers', resolution: 16}
      tokenizer: {path: '${run}/data/tokenizer.model'}
      model:
        vision: {width: 16, depth: 1, mlpWidth: 32, heads: 2, patchSize: 8}
        language: {vocabulary: 1728, width: 16, depth: 1, mlpWidth: 32, heads: 2, keyValueHeads: 1,
          headDim: 8, queryScalar: 8}
      """;

  private TinyRecipe() {}

  /**
   * Writes {@code NAME.yaml}: drawn data and towers, a model that fits them, and the rest.
   *
   * @param rest {@code tasks:}, {@code suites:} and {@code stages:}
   */
  public static Path write(Path folder, String name, String rest) throws IOException {
    return Files.writeString(folder.resolve(name + ".yaml"), "name: " + name + "\n" + HEAD + rest);
  }
}
