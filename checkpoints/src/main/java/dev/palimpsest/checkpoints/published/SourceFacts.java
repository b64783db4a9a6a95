package dev.palimpsest.checkpoints.published;

import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Facts from files beside a source's tensors that say what the tensors mean.
 *
 * @param untied whether config.json says that the output table is not the embedding
 * @param trainedRows rows of the embedding up to the tokenizer's last token; 0 if there is no
 *     tokenizer
 * @param last that token with its id, for messages
 */
record SourceFacts(boolean untied, int trainedRows, String last) {
  static final SourceFacts NONE = new SourceFacts(false, 0, "");

  /** The facts of a folder; a file has none. */
  static SourceFacts of(Path path) {
    if (!Files.isDirectory(path)) {
      return NONE;
    }
    Path config = path.resolve("config.json");
    boolean untied = Files.exists(config) && HuggingFaceConfig.untied(config);
    return TokenizerIds.of(path)
        .map(ids -> new SourceFacts(untied, ids.last() + 1, ids.lastInWords()))
        .orElse(new SourceFacts(untied, 0, ""));
  }

  /** The message for an embedding that has no row for the last token. */
  String tooFewRows(long rows) {
    return ("the tokenizer has tokens up to %s, the embedding only %d rows; in transformers,"
            + " resize_token_embeddings(len(tokenizer)) makes them agree")
        .formatted(last, rows);
  }
}
