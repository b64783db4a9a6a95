package dev.palimpsest.cli.bench;

import java.nio.file.Path;

/** The folder of the launcher, which names it: it holds sizes to measure, peers and documents. */
final class Checkout {
  private Checkout() {}

  /** A file or folder in it; below the working directory if no launcher started this process. */
  static Path path(String relative) {
    return Path.of(System.getProperty("palimpsest.home", "")).resolve(relative);
  }
}
