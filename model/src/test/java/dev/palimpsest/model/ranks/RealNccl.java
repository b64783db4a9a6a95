package dev.palimpsest.model.ranks;

import static org.junit.jupiter.api.Assumptions.abort;

import dev.palimpsest.configs.checks.InvalidConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/** NVIDIA's library, where this machine has it: the fetched engine's, or one that is installed. */
final class RealNccl {
  private RealNccl() {}

  /** Loads it, or skips the test. */
  static Nccl load() throws IOException {
    Path engines =
        Path.of(
            Objects.requireNonNullElse(
                System.getenv("PALIMPSEST_ENGINES"),
                System.getProperty("user.home") + "/.cache/palimpsest/engines"));
    Optional<Path> fetched = Optional.empty();
    if (Files.isDirectory(engines)) {
      try (Stream<Path> all = Files.list(engines)) {
        fetched =
            all.map(engine -> engine.resolve("cuda/libnccl.so.2")).filter(Files::exists).findAny();
      }
    }
    try {
      return Nccl.load(
          fetched.map(file -> Map.of("PALIMPSEST_NCCL", file.toString())).orElse(Map.of()));
    } catch (InvalidConfigException e) {
      return abort("no NCCL here ('./palimpsest engine fetch cuda' fetches it)");
    }
  }
}
