package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A page in a headless Chromium, which must not write to its console; the test is skipped where
 * there is none.
 */
public final class Chromium {
  private Chromium() {}

  /** The page as Chromium understands it, which closes what is open and drops what is wrong. */
  public static String dom(Path folder, Path page, String... options)
      throws IOException, InterruptedException {
    return dom(folder, page.toUri(), options);
  }

  /** The same of an address. */
  public static String dom(Path folder, URI page, String... options)
      throws IOException, InterruptedException {
    Optional<Path> chromium =
        Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
            .map(entry -> Path.of(entry, "chromium"))
            .filter(Files::isExecutable)
            .findFirst();
    assumeTrue(chromium.isPresent(), "no chromium here");
    Path dom = Files.createTempFile(folder, "dom", ".html");
    Path log = Files.createTempFile(folder, "chromium", ".log");
    List<String> command =
        new ArrayList<>(
            List.of(
                chromium.orElseThrow().toString(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--virtual-time-budget=5000",
                "--enable-logging=stderr",
                "--user-data-dir=" + Files.createTempDirectory(folder, "chromium")));
    command.addAll(List.of(options));
    command.addAll(List.of("--dump-dom", page.toString()));
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(dom.toFile())
            .redirectError(log.toFile())
            .start();
    boolean ended = process.waitFor(120, TimeUnit.SECONDS);
    if (!ended) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    assertTrue(ended, "chromium has not ended");
    String said = Files.readString(log);
    assertFalse(said.contains(":CONSOLE"), said);
    return Files.readString(dom, StandardCharsets.UTF_8);
  }
}
