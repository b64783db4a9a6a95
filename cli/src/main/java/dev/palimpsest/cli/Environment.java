package dev.palimpsest.cli;

import ai.djl.engine.Engine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Facts about machine and software that a run keeps beside its numbers. */
final class Environment {
  private Environment() {}

  static Map<String, Object> facts() {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("palimpsest", version());
    facts.put("commit", System.getenv().getOrDefault("PALIMPSEST_COMMIT", "unknown"));
    facts.put("java", System.getProperty("java.runtime.version"));
    facts.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    facts.put("arch", System.getProperty("os.arch"));
    facts.put("processor", processor());
    facts.put("processors", Runtime.getRuntime().availableProcessors());
    Engine engine = Engine.getEngine("PyTorch");
    facts.put("engine", engine.getEngineName() + " " + engine.getVersion());
    facts.put("device", engine.defaultDevice().toString());
    return facts;
  }

  static String version() {
    String version = Environment.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }

  private static String processor() {
    Path info = Path.of("/proc/cpuinfo");
    if (!Files.isReadable(info)) {
      return "unknown";
    }
    try {
      return Files.readAllLines(info, StandardCharsets.UTF_8).stream()
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse("unknown");
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + info, e);
    }
  }
}
