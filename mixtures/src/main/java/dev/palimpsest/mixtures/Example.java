package dev.palimpsest.mixtures;

import java.nio.file.Path;
import java.util.List;

/**
 * One example as its source gives it.
 *
 * @param id stable and unique in its source; names the example in messages and logs
 * @param images picture files, in order
 * @param prefix the prompt
 * @param suffix the target of this visit, possibly empty
 * @param references every target that the source accepts, {@code suffix} among them
 */
public record Example(
    String id, List<Path> images, String prefix, String suffix, List<String> references) {
  /** Copies. */
  public Example {
    images = List.copyOf(images);
    references = List.copyOf(references);
  }

  /** An example with one target. */
  public Example(String id, List<Path> images, String prefix, String suffix) {
    this(id, images, prefix, suffix, List.of(suffix));
  }

  /** The same example under another id. */
  public Example withId(String other) {
    return new Example(other, images, prefix, suffix, references);
  }
}
