package dev.palimpsest.cli.engines;

import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.files.Durable;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Fetches an engine through Maven, so that the user's mirrors, proxies and credentials are used,
 * and keeps only the libraries of each archive. The engine's folder appears when it is complete.
 * What an interrupted fetch has done is kept in a hidden folder beside it and not done again.
 *
 * @param cache folder of all engines
 * @param maven the program
 * @param say receives messages about progress
 */
record EngineFetcher(FetchedEngine wanted, Path cache, String maven, PrintWriter say) {
  private static final String GET = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get";
  private static final int LOOK_MILLIS = 200;
  private static final int STEP_PERCENT = 10;

  /** Fetches the engine unless it is there already. Returns its folder. */
  Path fetch() {
    Path engine = cache.resolve(wanted.folder());
    if (wanted.isIn(engine)) {
      return engine;
    }
    try {
      Files.createDirectories(cache);
      try (FileChannel lock =
              FileChannel.open(
                  cache.resolve("." + wanted.folder() + ".lock"),
                  StandardOpenOption.CREATE,
                  StandardOpenOption.WRITE);
          FileLock held = held(lock)) {
        if (held.isValid()
            && !wanted.isIn(engine)) { // another process may have fetched it in the meantime
          fetch(engine);
        }
      }
      return engine;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot fetch the engine into " + cache, e);
    }
  }

  private FileLock held(FileChannel lock) throws IOException {
    FileLock held = lock.tryLock();
    if (held != null) {
      return held;
    }
    tell("Another process is fetching the engine '" + wanted.name() + "'; waiting for it.");
    return lock.lock();
  }

  private void fetch(Path engine) throws IOException {
    requirePlatform(System.getProperty("os.name"), System.getProperty("os.arch"));
    announce(engine);
    Path work = cache.resolve("." + wanted.folder() + ".fetching");
    Path made = work.resolve("engine");
    Files.createDirectories(made);
    requireSpace(made);
    for (FetchedEngine.Part part : wanted.parts()) {
      if (!part.isIn(made)) {
        Path archive = archive(part, work);
        unpack(part, archive, made);
        Files.delete(archive);
      }
    }
    // DJL looks for the CUDA runtime by this name.
    Path runtime = made.resolve(FetchedEngine.CUDA).resolve("libcudart.so");
    Files.deleteIfExists(runtime);
    Files.createSymbolicLink(runtime, Path.of("libcudart.so.12"));
    Durable.file(made.resolve("LICENCES"), licences().getBytes(StandardCharsets.UTF_8));
    if (Files.exists(engine)) {
      Durable.delete(engine); // some of its libraries were taken
    }
    Files.move(made, engine, StandardCopyOption.ATOMIC_MOVE);
    Durable.sync(cache);
    Durable.delete(work);
    tell("The engine is in " + engine);
  }

  /** The archives exist for one platform. */
  static void requirePlatform(String system, String architecture) {
    if (!system.equals("Linux") || !architecture.equals("amd64")) {
      throw new UserMistake(
          "the CUDA engine is for Linux on x86_64, and this is %s on %s; '--engine DIR' uses a PyTorch of your own"
              .formatted(system, architecture));
    }
  }

  private void announce(Path engine) {
    tell(
        "Fetching the engine '%s' with Maven: %s in %d archives, of which %s are kept in %s."
            .formatted(
                wanted.name(),
                size(wanted.bytes()),
                wanted.parts().size(),
                size(wanted.kept()),
                engine));
    tell("Contents and licences:");
    say.print(licences());
    say.flush();
  }

  private String licences() {
    return wanted.parts().stream()
        .map(part -> "  %s (%s): %s%n".formatted(part.what(), part.artifact(), part.licence()))
        .collect(Collectors.joining());
  }

  private void requireSpace(Path made) throws IOException {
    long needed = 0;
    long largest = 0;
    for (FetchedEngine.Part part : wanted.parts()) {
      if (!part.isIn(made)) {
        needed += part.kept();
        largest = Math.max(largest, part.bytes());
      }
    }
    long free = Files.getFileStore(made).getUsableSpace();
    if (free < needed + largest) {
      throw new UserMistake(
          "the engine needs %s in %s while it is fetched, and %s are free; choose another folder with %s"
              .formatted(size(needed + largest), cache, size(free), EngineCommand.CACHE_VARIABLE));
    }
  }

  // ---- an archive

  /** Fetches one, unless an interrupted attempt already has. */
  private Path archive(FetchedEngine.Part part, Path work) throws IOException {
    Path repository = work.resolve("repository");
    Path archive = part.in(repository);
    if (!Files.exists(archive)) {
      Path folder =
          Files.createDirectories(work.resolve("empty")); // away from any project's settings
      Path log = work.resolve("maven.log");
      String[] of = part.artifact().split(":");
      Process process =
          new ProcessBuilder(
                  maven,
                  "-B",
                  "-ntp",
                  GET,
                  "-Dmaven.repo.local=" + repository.toAbsolutePath(),
                  "-Dtransitive=false",
                  "-Dartifact=" + String.join(":", of))
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
      watch(process, part, archive);
      if (process.exitValue() != 0 || !Files.exists(archive)) {
        throw new UserMistake(
            "Maven could not fetch %s: %s; run the same command to continue from here"
                .formatted(part.artifact(), reason(log)));
      }
    }
    String hash = ContentHash.of(archive);
    if (!hash.equals(part.sha256())) {
      Files.delete(archive);
      throw new UserMistake(
          "%s has been altered: its SHA-256 is %s, expected %s; it was deleted. Check the mirrors in Maven's settings"
              .formatted(part.artifact(), hash, part.sha256()));
    }
    return archive;
  }

  private void watch(Process process, FetchedEngine.Part part, Path archive) throws IOException {
    long told = 0;
    try {
      while (!process.waitFor(LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
        long percent = 100 * arrived(archive) / part.bytes();
        if (percent >= told + STEP_PERCENT) {
          told = percent - percent % STEP_PERCENT;
          tell("  %s: %d %% of %s".formatted(part.what(), told, size(part.bytes())));
        }
      }
    } catch (InterruptedException e) {
      process.destroy();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /** Bytes so far: Maven first writes under another name. */
  private static long arrived(Path archive) {
    Path folder = archive.getParent();
    if (folder == null || !Files.isDirectory(folder)) {
      return 0;
    }
    try (Stream<Path> files = Files.list(folder)) {
      long most = 0;
      for (Path file : files.toList()) {
        most = Math.max(most, file.toFile().length()); // 0 if it was renamed in the meantime
      }
      return most;
    } catch (IOException e) {
      return 0;
    }
  }

  /** Maven's first line of error. */
  private static String reason(Path log) throws IOException {
    List<String> lines = Files.readAllLines(log, StandardCharsets.UTF_8);
    return lines.stream()
        .filter(line -> line.startsWith("[ERROR]"))
        .findFirst()
        .map(line -> line.substring("[ERROR]".length()).strip())
        .orElseGet(() -> lines.isEmpty() ? "it gave no message" : lines.get(lines.size() - 1));
  }

  private void unpack(FetchedEngine.Part part, Path archive, Path made) throws IOException {
    tell("  %s: unpacking %s".formatted(part.what(), size(part.kept())));
    Path into = Files.createDirectories(made.resolve(part.into()));
    List<String> absent = new ArrayList<>();
    try (ZipFile zip = new ZipFile(archive.toFile())) {
      for (String library : part.libraries().keySet()) {
        ZipEntry entry = zip.getEntry(part.within() + library);
        if (entry == null) {
          absent.add(library);
          continue;
        }
        Path temporary = into.resolve("." + library + ".writing");
        try (InputStream in = zip.getInputStream(entry)) {
          Files.copy(in, temporary, StandardCopyOption.REPLACE_EXISTING);
        }
        try (FileChannel written = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
          written.force(true);
        }
        Files.move(temporary, into.resolve(library), StandardCopyOption.ATOMIC_MOVE);
      }
    }
    if (!part.isIn(made)) {
      throw new IllegalStateException(
          part.artifact() + " does not contain all that is listed for it; missing: " + absent);
    }
  }

  private void tell(String line) {
    say.println(line);
    say.flush();
  }

  private static String size(long bytes) {
    return bytes < 1_000_000_000
        ? "%d MB".formatted(Math.round(bytes / 1e6))
        : "%.1f GB".formatted(bytes / 1e9);
  }
}
