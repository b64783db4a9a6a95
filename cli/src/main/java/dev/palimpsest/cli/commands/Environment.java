package dev.palimpsest.cli.commands;

import ai.djl.Device;
import ai.djl.engine.Engine;
import dev.palimpsest.model.kernels.EngineFacts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.ArrowType;

/** Facts about machine and software that a run records with its numbers. */
public final class Environment {
  /** The suffix that {@code git describe --dirty} appends if files differ from the commit. */
  private static final String DIRTY = "-dirty";

  private Environment() {}

  public static Map<String, Object> facts(Device device) {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("palimpsest", version());
    String commit = System.getenv().getOrDefault("PALIMPSEST_COMMIT", "unknown");
    facts.put("commit", commit.replace(DIRTY, ""));
    if (!commit.equals("unknown")) {
      facts.put("dirty", commit.endsWith(DIRTY));
    }
    facts.put("java", System.getProperty("java.runtime.version"));
    facts.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    facts.put("arch", System.getProperty("os.arch"));
    facts.put("processor", processor());
    facts.put("processors", Runtime.getRuntime().availableProcessors());
    facts.putAll(EngineFacts.read());
    facts.put("djl", Engine.getDjlVersion());
    facts.put("arrow", version(ArrowType.class));
    facts.put("device", device.toString());
    return facts;
  }

  public static String version() {
    String version = version(Environment.class);
    return version.equals("unknown") ? "development" : version;
  }

  private static String version(Class<?> of) {
    String version = of.getPackage().getImplementationVersion();
    return version == null ? "unknown" : version;
  }

  static String processor() {
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
