package dev.palimpsest.model.ranks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** NCCL's and CUDA's functions without GPUs, compiled from {@code nccl_on_host.c}. */
final class NcclOnHost {
  private NcclOnHost() {}

  /** Compiles it into a folder; skips the test where there is no C compiler. */
  static Path compiled(Path folder) throws IOException, InterruptedException, URISyntaxException {
    assumeTrue(
        Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
            .anyMatch(path -> Files.isExecutable(Path.of(path, "cc"))),
        "no C compiler here (Debian: apt-get install gcc libc6-dev)");
    Path source =
        Path.of(Objects.requireNonNull(NcclOnHost.class.getResource("nccl_on_host.c")).toURI());
    Path library = folder.resolve("libnccl_on_host.so");
    Process cc =
        new ProcessBuilder(
                List.of(
                    "cc",
                    "-shared",
                    "-fPIC",
                    "-O2",
                    "-pthread",
                    "-ffp-contract=off",
                    "-o",
                    library.toString(),
                    source.toString(),
                    "-lrt"))
            .redirectErrorStream(true)
            .start();
    String said = new String(cc.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, cc.waitFor(), said);
    return library;
  }

  /** The environment of a process that uses it. */
  static Map<String, String> environment(Path library) {
    return Map.of(
        "PALIMPSEST_COLLECTIVES", "nccl",
        "PALIMPSEST_NCCL", library.toString(),
        "PALIMPSEST_CUDART", library.toString());
  }

  /** A port that nothing listens to. */
  static int freePort() throws IOException {
    try (ServerSocket server = new ServerSocket(0)) {
      return server.getLocalPort();
    }
  }
}
