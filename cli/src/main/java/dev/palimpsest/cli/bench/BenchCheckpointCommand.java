package dev.palimpsest.cli.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.published.ExportedProcessor;
import dev.palimpsest.checkpoints.published.FabricatedTowers;
import dev.palimpsest.checkpoints.published.ModelExporter;
import dev.palimpsest.checkpoints.published.ParameterValues;
import dev.palimpsest.checkpoints.published.PretrainedImporter;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.JsonOption;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StepSizes;
import dev.palimpsest.configs.data.ImageConfig.Resize;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.files.Durable;
import dev.palimpsest.mixtures.text.BpeTrainer;
import dev.palimpsest.model.ParameterSpecs;
import dev.palimpsest.model.blocks.Parameters;
import java.io.EOFException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code palimpsest bench checkpoint}: times the way of a model from published files to a
 * checkpoint and to an export, compared with plain copies.
 */
@Command(
    name = "checkpoint",
    mixinStandardHelpOptions = true,
    description = {
      "Times import, verification, reading, writing and export of a model with random values, each"
          + " compared with a plain copy of the same bytes: of the files that it writes, or reads if"
          + " it writes none. Where an operation reads more than it writes, as an export in bfloat16"
          + " does, the copy reads as much.",
      "Operation and copy both end when the data are on disk (fsync). Both find their input in"
          + " the system's cache, as far as it fits, because it was written or read just before.",
      "Private memory is the process's own as counted by the kernel; it includes pages of mapped files,"
          + " which are also shown separately."
    })
final class BenchCheckpointCommand implements Callable<Integer> {
  private static final double MEGA = 1e6;
  private static final String CHECKPOINT = "examples-000000000000";
  private static final String PARAMETERS = "parameters";

  @Spec CommandSpec spec;

  @Option(
      names = "--config",
      defaultValue = "small",
      paramLabel = "tiny|small|FILE",
      description =
          "Sizes: a built-in set, or a YAML file with model, resolution, textTokens, batchSize."
              + " Default: small.")
  String config;

  @Option(
      names = "--folder",
      paramLabel = "DIR",
      description =
          "Where to measure: a folder on the disk in question; all files are removed afterwards. Default: the"
              + " system's folder for temporary files.")
  @Nullable Path folder;

  @Option(
      names = "--runs",
      defaultValue = "1",
      description = "Number of timed runs of each; the fastest counts. Default: 1.")
  int runs;

  @Mixin JsonOption json;

  /** An operation that is timed. */
  private interface Work {
    /** Runs it and returns the files that it wrote or read. */
    List<Path> run() throws IOException;
  }

  /**
   * A line of the table.
   *
   * @param bytes size of the files that were written or read
   * @param seconds of the operation
   * @param copySeconds of a plain copy of these files, and of reading what the operation reads more
   */
  private record Line(
      String operation, long bytes, double seconds, double copySeconds, ProcessMemory.Peak peak) {
    double rate() {
      return bytes / MEGA / seconds;
    }

    double copyRate() {
      return bytes / MEGA / copySeconds;
    }
  }

  @Override
  public Integer call() throws IOException {
    if (runs < 1) {
      throw new UserMistake("--runs must be 1 or more, got " + runs);
    }
    StepSizes bench = BenchStepCommand.bench(config);
    Path parent = folder == null ? Path.of(System.getProperty("java.io.tmpdir")) : folder;
    Files.createDirectories(parent);
    Path work = Files.createTempDirectory(parent, "bench-checkpoint-");
    try (NDManager manager = Machine.hostMemory()) {
      print(measure(bench, work, manager));
    } finally {
      Durable.delete(work);
    }
    return ExitCode.DONE.code();
  }

  private List<Line> measure(StepSizes bench, Path work, NDManager manager) throws IOException {
    ModelConfig model = bench.model();
    int resolution = bench.resolution();
    checkSpace(work, model, resolution);
    List<Line> lines = new ArrayList<>();
    Path towers = Files.createDirectory(work.resolve("towers"));
    Init.FromPretrained source = fabricate(towers, model, resolution);
    CheckpointStore store = new CheckpointStore(work.resolve("checkpoints"));
    Path checkpoint = work.resolve("checkpoints").resolve(CHECKPOINT);
    List<Path> file = List.of(checkpoint.resolve(PARAMETERS + ".safetensors"));
    ContentHash.of(towers); // what was read last is in the cache
    lines.add(
        time(
            "import",
            work,
            null,
            () -> {
              try (PretrainedImporter importer =
                  PretrainedImporter.open(source, model, resolution, 0)) {
                store.commitTensors(CHECKPOINT, Map.of(PARAMETERS, importer.tensors()), Map.of());
              }
              return file;
            }));
    Durable.delete(towers);
    lines.add(
        time(
            "verify",
            work,
            null,
            () -> {
              CheckpointStore.open(checkpoint);
              return file;
            }));
    TrainingCheckpoint opened = CheckpointStore.peek(checkpoint);
    lines.add(
        time(
            "read",
            work,
            null,
            () -> {
              try (Parameters parameters = opened.read(manager, PARAMETERS)) {
                for (NDArray array : parameters.asMap().values()) {
                  array.sum().close(); // reads every element
                }
              }
              return file;
            }));
    lines.add(
        time(
            "write",
            work,
            null,
            () -> {
              try (Parameters parameters = opened.read(manager, PARAMETERS)) {
                Path written =
                    new CheckpointStore(work.resolve("written"))
                        .commit(CHECKPOINT, Map.of(PARAMETERS, parameters), Map.of());
                return List.of(written.resolve(PARAMETERS + ".safetensors"));
              }
            }));
    Durable.delete(work.resolve("written"));
    Path export = work.resolve("export");
    for (Precision precision : Precision.values()) {
      String name = precision.name().toLowerCase(Locale.ROOT);
      lines.add(
          time(
              "export hf " + name,
              work,
              file.get(0),
              () -> {
                try (TensorSource parameters = opened.source(PARAMETERS)) {
                  ModelExporter.huggingFace(
                      export,
                      ParameterValues.of(parameters),
                      model,
                      resolution,
                      precision,
                      new ExportedProcessor(
                          Resize.BICUBIC, model.language().vocabulary(), Map.of()),
                      written -> Map.of());
                }
                return weights(export);
              }));
      Durable.delete(export);
      Path npz = work.resolve("export.npz");
      lines.add(
          time(
              "export npz " + name,
              work,
              file.get(0),
              () -> {
                try (TensorSource parameters = opened.source(PARAMETERS)) {
                  ModelExporter.bigVision(
                      npz, ParameterValues.of(parameters), model, resolution, precision);
                }
                return List.of(npz);
              }));
      Durable.delete(npz);
    }
    return lines;
  }

  /** The input of stage 0; location and segmentation rows are drawn if there is room for them. */
  private static Init.FromPretrained fabricate(Path towers, ModelConfig model, int resolution) {
    int rows = model.language().vocabulary();
    int added = BpeTrainer.LOCATIONS + BpeTrainer.SEGMENTS;
    FabricatedTowers fabricated =
        new FabricatedTowers(
            model.withVocabulary(rows > added ? rows - added : rows), resolution, 512, 16, 0);
    Path vision = towers.resolve("siglip.npz");
    Path language = towers.resolve("gemma");
    fabricated.siglipBigVision(vision);
    fabricated.gemma(language, folder -> {});
    return new Init.FromPretrained(
        vision.toString(), language.toString(), null, Init.ConnectorInit.NORMAL);
  }

  /** Towers, a checkpoint, and a file with a copy of it. */
  private static void checkSpace(Path work, ModelConfig model, int resolution) throws IOException {
    long parameters =
        ParameterSpecs.of(model, resolution).values().stream().mapToLong(s -> s.size()).sum();
    long needed = 3 * Float.BYTES * parameters + parameters;
    long free = Files.getFileStore(work).getUsableSpace();
    if (free < needed) {
      throw new UserMistake(
          "%s has %.1f GB free, the measurement needs %.1f GB; choose another --folder or a smaller --config"
              .formatted(work.getParent(), free / 1e9, needed / 1e9));
    }
  }

  private static List<Path> weights(Path export) throws IOException {
    try (Stream<Path> files = Files.list(export)) {
      return files.filter(file -> file.toString().endsWith(".safetensors")).sorted().toList();
    }
  }

  private Line time(String operation, Path work, @Nullable Path source, Work timed)
      throws IOException {
    PrintWriter err = spec.commandLine().getErr();
    double seconds = Double.POSITIVE_INFINITY;
    double copySeconds = Double.POSITIVE_INFINITY;
    long bytes = 0;
    try (ProcessMemory memory = new ProcessMemory()) {
      ProcessMemory.Peak peak = ProcessMemory.Peak.UNKNOWN;
      for (int run = 0; run < runs; run++) {
        long began = System.nanoTime();
        List<Path> files = timed.run();
        seconds = Math.min(seconds, (System.nanoTime() - began) / 1e9);
        if (run == runs - 1) {
          peak = memory.peak();
        }
        bytes = 0;
        began = System.nanoTime();
        for (Path file : files) {
          bytes += copy(file, work.resolve("copy"));
        }
        read(source, source == null ? 0 : Files.size(source) - bytes);
        copySeconds = Math.min(copySeconds, (System.nanoTime() - began) / 1e9);
        Durable.delete(work.resolve("copy"));
      }
      err.printf(Locale.ROOT, "%s: %.2f s, copy %.2f s%n", operation, seconds, copySeconds);
      err.flush();
      return new Line(operation, bytes, seconds, copySeconds, peak);
    }
  }

  /** A copy by the system in its fastest way. */
  private static long copy(Path from, Path to) throws IOException {
    try (FileChannel in = FileChannel.open(from, StandardOpenOption.READ);
        FileChannel out =
            FileChannel.open(
                to,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE)) {
      long size = in.size();
      for (long at = 0; at < size; ) {
        at += in.transferTo(at, size - at, out);
      }
      out.force(true);
      return size;
    }
  }

  /** Reads the first bytes of a file, if any. */
  private static void read(@Nullable Path file, long bytes) throws IOException {
    if (file == null || bytes <= 0) {
      return;
    }
    ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 20);
    try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
      for (long left = bytes; left > 0; ) {
        int n = in.read(buffer.clear().limit((int) Math.min(buffer.capacity(), left)));
        if (n < 0) {
          throw new EOFException(file.toString());
        }
        left -= n;
      }
    }
  }

  private void print(List<Line> lines) {
    PrintWriter out = json.table(spec);
    out.printf(
        Locale.ROOT,
        "%-16s %9s %9s %9s %11s %7s %12s %9s %9s%n",
        "operation",
        "GB",
        "seconds",
        "MB/s",
        "copy MB/s",
        "share",
        "private MiB",
        "of files",
        "heap MiB");
    for (Line line : lines) {
      out.printf(
          Locale.ROOT,
          "%-16s %9.3f %9.2f %9.0f %11.0f %6.0f%% %12s %9s %9.0f%n",
          line.operation,
          line.bytes / 1e9,
          line.seconds,
          line.rate(),
          line.copyRate(),
          100 * line.rate() / line.copyRate(),
          mebibytes(line.peak.privateBytes()),
          mebibytes(line.peak.fileBytes()),
          line.peak.heapBytes() / 1048576.0);
    }
    out.flush();
    json.tell(spec, figures(lines));
  }

  private static String mebibytes(long bytes) {
    return bytes < 0 ? "untold" : String.format(Locale.ROOT, "%.0f", bytes / 1048576.0);
  }

  private Map<String, Object> figures(List<Line> lines) {
    Map<String, Object> operations = new LinkedHashMap<>();
    for (Line line : lines) {
      Map<String, Object> figures = new LinkedHashMap<>();
      figures.put("bytes", line.bytes);
      figures.put("seconds", line.seconds);
      figures.put("copySeconds", line.copySeconds);
      figures.put("shareOfCopy", line.rate() / line.copyRate());
      if (line.peak.privateBytes() >= 0) {
        figures.put("privateBytes", line.peak.privateBytes());
        figures.put("privateFileBytes", line.peak.fileBytes());
      }
      figures.put("heapBytes", line.peak.heapBytes());
      operations.put(line.operation, figures);
    }
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("config", config);
    all.put("runs", runs);
    all.put("operations", operations);
    return all;
  }
}
