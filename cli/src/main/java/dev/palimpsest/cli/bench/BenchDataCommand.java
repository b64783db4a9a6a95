package dev.palimpsest.cli.bench;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.JsonOption;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.mixtures.BatchBuilder;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.images.TurboJpeg;
import dev.palimpsest.mixtures.tasks.Example;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code palimpsest bench data}: pictures per second, from disk to ready batches. */
@Command(
    name = "data",
    mixinStandardHelpOptions = true,
    description = {
      "Times reading pictures: from disk to ready batches of 8, with 1 and 2 threads.",
      "The peer is peers/pillow_loader.py, on the same files with the same number of processes."
    })
final class BenchDataCommand implements Callable<Integer> {
  private static final int BATCH = 8;

  /** All loaders take turns, so that a disturbance affects all of them; medians are reported. */
  private static final int ROUNDS = 3;

  private static final Path PEER = Checkout.path("peers/pillow_loader.py");

  @Spec CommandSpec spec;

  @Option(
      names = "--images",
      paramLabel = "DIR",
      description = "Folder of pictures. Default: 64 generated JPEG files of 640 x 480 pixels.")
  @Nullable Path images;

  @Option(
      names = "--seconds",
      defaultValue = "6",
      description = "Seconds for each figure, divided over three rounds. Default: 6.")
  double seconds;

  @Option(
      names = "--resolutions",
      split = ",",
      defaultValue = "224,448,896",
      description = "Sides of the square input, in pixels. Default: 224,448,896.")
  List<Integer> resolutions;

  @Option(
      names = "--python",
      paramLabel = "PROGRAM",
      defaultValue = "python3",
      description = "Python with Pillow and numpy, for the peer. Default: python3.")
  String python;

  @Mixin JsonOption json;

  /**
   * Images per second.
   *
   * @param jdk with the JDK's decoder
   * @param libjpegTurbo with libjpeg-turbo; null without it
   * @param pillow of the peer; null without it
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Line(
      int resolution,
      int threads,
      double jdk,
      @Nullable Double libjpegTurbo,
      @Nullable Double pillow) {}

  @Override
  public Integer call() throws IOException {
    if (!(seconds > 0) || resolutions.stream().anyMatch(r -> r < 1)) {
      throw new UserMistake("--seconds and --resolutions must be greater than 0");
    }
    try (DrawnPictures drawn = images == null ? DrawnPictures.draw() : null) {
      List<Path> files = drawn == null ? files(images) : drawn.files();
      PrintWriter out = json.lines(spec);
      out.printf(
          "%d pictures; images per second, from disk to ready batches of %d%n",
          files.size(), BATCH);
      boolean turbo = TurboJpeg.isFound();
      boolean peer = hasPeer(out);
      out.println("resolution  threads       JDK  libjpeg-turbo  Pillow+numpy   ratios to it");
      List<Line> lines = new ArrayList<>();
      for (int resolution : resolutions) {
        for (int threads : new int[] {1, 2}) {
          double[][] figures = new double[3][ROUNDS];
          for (int round = 0; round < ROUNDS; round++) {
            figures[0][round] = measure(files, resolution, threads, false, round == 0);
            figures[1][round] =
                turbo ? measure(files, resolution, threads, true, round == 0) : Double.NaN;
            figures[2][round] = peer ? peer(files, resolution, threads) : Double.NaN;
          }
          double jdk = median(figures[0]);
          double fast = median(figures[1]);
          double other = median(figures[2]);
          out.printf(
              Locale.ROOT,
              "%10d %8d %9.0f %14s %13s   %s %s%n",
              resolution,
              threads,
              jdk,
              number("%.0f", fast),
              number("%.0f", other),
              number("%.2f", jdk / other),
              number("%.2f", fast / other));
          out.flush();
          lines.add(new Line(resolution, threads, jdk, known(fast), known(other)));
        }
      }
      json.tell(spec, Map.of("pictures", files.size(), "lines", lines));
      return ExitCode.DONE.code();
    } finally {
      TurboJpeg.use(true);
    }
  }

  private static @Nullable Double known(double value) {
    return Double.isNaN(value) ? null : value;
  }

  private static String number(String format, double value) {
    return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, format, value);
  }

  private static List<Path> files(@Nullable Path folder) throws IOException {
    if (folder == null || !Files.isDirectory(folder)) {
      throw new UserMistake("--images must be a folder, got " + folder);
    }
    try (Stream<Path> list = Files.list(folder)) {
      List<Path> files = list.filter(Files::isRegularFile).sorted().toList();
      if (files.isEmpty()) {
        throw new UserMistake("--images: no file in " + folder);
      }
      return files;
    }
  }

  private static double median(double[] figures) {
    return Arrays.stream(figures).sorted().toArray()[figures.length / 2];
  }

  private double measure(
      List<Path> files, int resolution, int threads, boolean turbo, boolean first) {
    TurboJpeg.use(turbo);
    if (first) {
      run(files, resolution, threads, Math.min(2, seconds)); // compiles, and reads the files once
    }
    return run(files, resolution, threads, seconds / ROUNDS);
  }

  private static double run(List<Path> files, int resolution, int threads, double seconds) {
    AtomicLong done = new AtomicLong();
    AtomicLong next = new AtomicLong();
    long began = System.nanoTime();
    long end = began + (long) (seconds * 1e9);
    try (BatchBuilder batches =
        new BatchBuilder(
            new ImageConfig(ImageConfig.Resize.BILINEAR, true), resolution, 4, new NoText())) {
      List<Thread> workers =
          IntStream.range(0, threads)
              .mapToObj(
                  i ->
                      new Thread(
                          () -> {
                            do {
                              long first = next.getAndAdd(BATCH);
                              batches.training(first, batch(files, first)).close();
                              done.addAndGet(BATCH);
                            } while (System.nanoTime() < end);
                          }))
              .toList();
      workers.forEach(Thread::start);
      for (Thread worker : workers) {
        worker.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return done.get() / ((System.nanoTime() - began) / 1e9);
  }

  private static List<Example> batch(List<Path> files, long first) {
    List<Example> examples = new ArrayList<>();
    for (long i = first; i < first + BATCH; i++) {
      Path file = files.get((int) (i % files.size()));
      examples.add(new Example("" + i, List.of(ImageReference.file(file)), "", ""));
    }
    return examples;
  }

  private boolean hasPeer(PrintWriter out) {
    if (!Files.exists(PEER)) {
      out.println("no peer: there is no file " + PEER);
      return false;
    }
    try {
      Process check =
          new ProcessBuilder(python, "-c", "import PIL, numpy").redirectErrorStream(true).start();
      check.getInputStream().readAllBytes();
      if (check.waitFor(1, TimeUnit.MINUTES) && check.exitValue() == 0) {
        return true;
      }
    } catch (IOException e) {
      out.println("no peer: cannot find the program " + python);
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    out.println(
        "no peer: " + python + " does not have Pillow or numpy; name another with --python");
    return false;
  }

  private double peer(List<Path> files, int resolution, int processes) {
    List<String> command = new ArrayList<>();
    command.addAll(List.of(python, PEER.toString(), "" + resolution, "" + processes));
    command.addAll(List.of("" + seconds / ROUNDS, "" + BATCH));
    files.forEach(file -> command.add(file.toString()));
    try {
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
      String said =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      return Double.parseDouble(said);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot run " + python, e);
    } catch (NumberFormatException e) {
      throw new UserMistake(PEER + " failed; its message is above");
    }
  }

  /** Pictures alone are timed. */
  private static final class NoText implements Tokenizer {
    @Override
    public int[] encode(String text) {
      return new int[0];
    }

    @Override
    public String decode(int[] ids) {
      return "";
    }

    @Override
    public int vocabularySize() {
      return 1;
    }
  }
}
