package dev.palimpsest.mixtures;

import java.nio.file.Path;
import java.util.List;

/**
 * One example as its source gives it.
 *
 * @param id stable and unique in its source; names the example in messages and logs
 * @param images picture files, in order
 * @param prefix the prompt
 * @param suffix the target, possibly empty
 */
public record Example(String id, List<Path> images, String prefix, String suffix) {
  /** Copies. */
  public Example {
    images = List.copyOf(images);
  }
}
