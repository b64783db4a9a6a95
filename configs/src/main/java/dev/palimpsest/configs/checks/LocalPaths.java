package dev.palimpsest.configs.checks;

import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Paths name files of this machine, or of what it has mounted. An address of an object store would
 * otherwise count as a path too, and a folder named {@code s3:} would be written into the working
 * directory.
 */
public final class LocalPaths {
  private static final Pattern ADDRESS =
      Pattern.compile("(?:[A-Za-z][A-Za-z0-9+.-]*://|data:).*", Pattern.DOTALL);

  private LocalPaths() {}

  /** What is wrong with a path that is an address. */
  public static Optional<String> mistake(String path) {
    return ADDRESS.matcher(path).matches()
        ? Optional.of(
            "'%s' is not a path: only local and mounted files are read and written; mount the bucket, or copy it to a disk"
                .formatted(Problem.brief(path)))
        : Optional.empty();
  }
}
