package dev.palimpsest.cli.commands;

import ai.djl.engine.Engine;
import com.fasterxml.jackson.annotation.JsonValue;
import com.sun.management.OperatingSystemMXBean;
import dev.palimpsest.cli.machine.CudaDriver;
import dev.palimpsest.cli.machine.DeviceOption;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.machine.UnusableDeviceException;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.files.Escape;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.images.TurboJpeg;
import dev.palimpsest.model.kernels.EngineFacts;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.lang.module.ModuleFinder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code palimpsest doctor}: what this machine computes with, what is missing, and how to get it.
 */
@Command(
    name = "doctor",
    mixinStandardHelpOptions = true,
    description = {
      "Shows what commands would compute with on this machine, and what is missing.",
      "Ends with exit code 2 and the reason if the device cannot be used."
    })
@SuppressWarnings("try") // machines are used by being open
public final class DoctorCommand implements Callable<Integer> {
  private static final Path MEMORY = Path.of("/proc/meminfo");

  /**
   * Something that is missing.
   *
   * @param effect what is not possible, or slower, without it
   * @param remedy how to get it; empty if the effect says so
   */
  private record Lack(String what, String effect, String remedy) {}

  /** A size: bytes in JSON, GiB for people. */
  private record Size(@JsonValue long bytes) {
    @Override
    public String toString() {
      return String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1L << 30));
    }
  }

  @Spec CommandSpec spec;

  @Mixin DeviceOption device;

  @Option(names = "--json", description = "Prints JSON.")
  boolean json;

  private final List<Lack> lacks = new ArrayList<>();

  @Override
  public Integer call() throws IOException {
    UnusableDeviceException unusable = null;
    Map<String, Object> engine;
    try (Machine machine = device.open(null)) {
      engine = engine();
    } catch (UnusableDeviceException e) {
      unusable = e;
      lacks.add(new Lack("a usable device", String.valueOf(e.getMessage()), ""));
      engine = engineOnTheCpu();
    }
    Map<String, Map<String, Object>> facts = new LinkedHashMap<>();
    facts.put("palimpsest", program());
    facts.put("engine", engine);
    facts.put("device", device(unusable == null));
    facts.put("processor", processor());
    facts.put("memory", memory());
    facts.put("disk", disk());
    facts.put("java", java());
    facts.put("libraries", libraries());
    print(facts);
    if (unusable != null) {
      throw unusable;
    }
    return ExitCode.DONE.code();
  }

  // ---- facts

  private static Map<String, Object> program() {
    Map<String, Object> program = new LinkedHashMap<>();
    program.put("version", Environment.version());
    program.put("commit", System.getenv().getOrDefault("PALIMPSEST_COMMIT", "unknown"));
    return program;
  }

  private Map<String, Object> java() {
    boolean vectors = ModuleFinder.ofSystem().find("jdk.incubator.vector").isPresent();
    if (!vectors) {
      lacks.add(
          new Lack(
              "jdk.incubator.vector",
              "pictures are resized without the JDK's vector API, which is slower",
              "use a JDK that has this module, such as OpenJDK's builds"));
    }
    Map<String, Object> java = new LinkedHashMap<>();
    java.put("version", System.getProperty("java.runtime.version"));
    java.put("vendor", System.getProperty("java.vendor"));
    java.put("heap", new Size(Runtime.getRuntime().maxMemory()));
    java.put("vectors", vectors);
    return java;
  }

  private static Map<String, Object> processor() {
    Map<String, Object> processor = new LinkedHashMap<>();
    processor.put("name", Environment.processor());
    processor.put("count", Runtime.getRuntime().availableProcessors());
    processor.put("architecture", System.getProperty("os.arch"));
    processor.put("system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    return processor;
  }

  private static Map<String, Object> memory() throws IOException {
    Map<String, Object> memory = new LinkedHashMap<>();
    // Inside a container this is the container's.
    if (ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system) {
      memory.put("total", new Size(system.getTotalMemorySize()));
    }
    if (Files.isReadable(MEMORY)) {
      Files.readAllLines(MEMORY, StandardCharsets.UTF_8).stream()
          .filter(line -> line.startsWith("MemAvailable:"))
          .findFirst()
          .ifPresent(
              line ->
                  memory.put(
                      "available", new Size(1024 * Long.parseLong(line.replaceAll("[^0-9]", "")))));
    }
    return memory;
  }

  private static Map<String, Object> disk() throws IOException {
    Map<String, Object> disk = new LinkedHashMap<>();
    for (Path folder : List.of(Path.of(""), Path.of(System.getProperty("java.io.tmpdir")))) {
      Path absolute = folder.toAbsolutePath().normalize();
      disk.put(absolute.toString(), new Size(Files.getFileStore(absolute).getUsableSpace()));
    }
    return disk;
  }

  /** Facts about the engine, which is loaded. */
  private static Map<String, Object> engine() {
    Map<String, Object> engine = new LinkedHashMap<>(EngineFacts.read());
    engine.values().removeIf(""::equals); // no instruction limits
    engine.put("built for", EngineFacts.hasCudaPart() ? "CPU and CUDA" : "CPU");
    engine.put("folder", EngineFacts.folder().toString());
    engine.put("threads", EngineFacts.threads());
    engine.put(
        "bfloat16 on the cpu",
        EngineFacts.hasBfloat16()
            ? "multiplied by the processor"
            : "multiplied in float32: the processor has no instructions for it");
    engine.put("djl", Engine.getDjlVersion());
    return engine;
  }

  /** Facts if the device cannot be used, while the engine can perhaps be loaded. */
  private static Map<String, Object> engineOnTheCpu() {
    try (Machine machine = Machine.open("cpu", null)) {
      return engine();
    } catch (UnusableDeviceException e) {
      return Map.of("failure", String.valueOf(e.getMessage()));
    }
  }

  private Map<String, Object> device(boolean usable) {
    CudaDriver driver = CudaDriver.probe();
    Map<String, Object> device = new LinkedHashMap<>();
    device.put("asked for", this.device.name());
    device.put("usable", usable);
    device.put(
        "cuda driver",
        driver.found() ? "up to CUDA " + CudaDriver.figures(driver.version()) : "none");
    if (!driver.failure().isEmpty()) {
      device.put("failure", driver.failure());
    }
    for (int i = 0; i < driver.gpus().size(); i++) {
      CudaDriver.Gpu gpu = driver.gpus().get(i);
      device.put(
          "cuda:" + i,
          "%s, %s, compute capability %s"
              .formatted(gpu.name(), new Size(gpu.memory()), gpu.capability()));
    }
    return device;
  }

  private Map<String, Object> libraries() {
    boolean turbo = TurboJpeg.isFound();
    if (!turbo) {
      lacks.add(
          new Lack(
              "libturbojpeg",
              "JPEG files are decoded by the JDK, which is slower, and 'jpeg: fast' is refused",
              "Debian's package is libturbojpeg0, Fedora's is turbojpeg"));
    }
    return Map.of("libturbojpeg", turbo ? "found" : "not found");
  }

  // ---- output

  private void print(Map<String, Map<String, Object>> facts) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> all = new LinkedHashMap<>(facts);
      all.put("missing", lacks);
      out.print(Json.indented(all));
      return;
    }
    facts.forEach(
        (part, of) -> {
          String label = part;
          for (Map.Entry<String, Object> fact : of.entrySet()) {
            String value = Escape.line(String.valueOf(fact.getValue()));
            out.printf("%-11s %-20s %s%n", label, Escape.line(fact.getKey()), value);
            label = "";
          }
        });
    out.println();
    out.println(lacks.isEmpty() ? "Nothing is missing." : "Missing:");
    for (Lack lack : lacks) {
      String remedy = lack.remedy().isEmpty() ? "" : "; " + lack.remedy();
      out.println("  " + lack.what() + ": " + Escape.line(lack.effect()) + remedy);
    }
    out.flush();
  }
}
