package dev.palimpsest.cli.terminal;

import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.files.Escape;
import dev.palimpsest.stages.logs.StepMetrics;
import dev.palimpsest.stages.training.Progress;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Logs a line now and then: every ten seconds during the first two minutes, then every minute. A
 * terminal also has a line of at most {@value #COLUMNS} columns that is redrawn in place.
 */
public final class RunProgress implements Progress {
  static final int COLUMNS = 60;

  private static final Logger log = LoggerFactory.getLogger(RunProgress.class);
  private static final long SOON = Duration.ofSeconds(10).toNanos();
  private static final long OFTEN_UNTIL = Duration.ofMinutes(2).toNanos();
  private static final long LATER = Duration.ofMinutes(1).toNanos();
  private static final long REDRAW = Duration.ofMillis(250).toNanos();

  private final boolean terminal;
  private @Nullable Counted training;

  /** Since the last line that was logged. */
  private Sums sums = new Sums();

  /**
   * Creates a display.
   *
   * @param terminal whether standard error is a terminal whose last line can be redrawn
   */
  public RunProgress(boolean terminal) {
    this.terminal = terminal;
  }

  /**
   * A display for this process. On newer JVMs the launcher keeps the older meaning of a console:
   * there is none without a terminal.
   */
  @SuppressWarnings("SystemConsoleNull")
  public static RunProgress here() {
    return new RunProgress(System.console() != null && !"dumb".equals(System.getenv("TERM")));
  }

  // ---- Training

  @Override
  public void start(StageConfig stage, long fromExamples) {
    training = new Counted(stage.name(), "examples", fromExamples, stage.examples());
    sums = new Sums();
  }

  @Override
  public void step(StageConfig stage, StepMetrics metrics) {
    Counted work = training;
    if (work == null) {
      return;
    }
    sums.add(metrics);
    boolean last = metrics.examples() == stage.examples();
    work.advance(
        metrics.examples(),
        last,
        String.format(Locale.ROOT, "loss %.4g", metrics.outcome().loss()),
        () -> {
          String means = sums.text();
          sums = new Sums();
          return means;
        });
  }

  /** What a line says of the steps since the one before it. */
  static final class Sums {
    private int steps;
    private double losses;
    private double tokens;
    private double seconds;
    private double usedSeconds;
    private double waitedSeconds;

    void add(StepMetrics metrics) {
      add(
          metrics.outcome().loss(),
          (double) metrics.outcome().tokens(),
          metrics.seconds(),
          metrics.mfu(),
          metrics.waitShare());
    }

    void add(double loss, double stepTokens, double stepSeconds, double mfu, double waitShare) {
      steps++;
      losses += loss;
      tokens += stepTokens;
      seconds += stepSeconds;
      usedSeconds += mfu * stepSeconds;
      waitedSeconds += waitShare * stepSeconds;
    }

    String text() {
      StringBuilder text =
          new StringBuilder(String.format(Locale.ROOT, "loss %.4f", losses / steps));
      if (tokens > 0) {
        text.append(String.format(Locale.ROOT, ", %s tokens/s", brief(tokens / seconds)));
      }
      if (!Double.isNaN(usedSeconds)) {
        text.append(String.format(Locale.ROOT, ", MFU %.1f %%", 100 * usedSeconds / seconds));
      }
      if (waitedSeconds > 0.05 * seconds) {
        text.append(
            String.format(
                Locale.ROOT, ", %.0f %% waiting for data", 100 * waitedSeconds / seconds));
      }
      return text.toString();
    }
  }

  @Override
  public void end() {
    training = null;
    StatusLine.end();
  }

  // ---- Other work

  @Override
  public Work begin(String what, String unit, long total) {
    Counted work = new Counted(what, unit, 0, total);
    return new Work() {
      @Override
      public void done(long soFar) {
        work.advance(soFar, false, unit, () -> "");
      }

      @Override
      public void close() {
        StatusLine.end();
      }
    };
  }

  /** What a line says in addition to the numbers that all work has. */
  private interface Remark {
    String now();
  }

  /** Work of known size. */
  private final class Counted {
    private final String what;
    private final String unit;
    private final long from;
    private final long total;
    private final long began = System.nanoTime();
    private long logged = began;
    private long drawn;

    Counted(String what, String unit, long from, long total) {
      this.what = what;
      this.unit = unit;
      this.from = from;
      this.total = total;
    }

    synchronized void advance(long done, boolean last, String remark, Remark loggedRemark) {
      long now = System.nanoTime();
      double rate = (done - from) / ((now - began) / 1e9);
      long left = rate > 0 ? Math.round((total - done) / rate) : 0;
      if (terminal && now - drawn >= REDRAW) {
        drawn = now;
        StatusLine.show(Escape.line(line(what, done, total, remark, rate, left)));
      }
      if (last || now - logged >= (now - began < OFTEN_UNTIL ? SOON : LATER)) {
        logged = now;
        String more = loggedRemark.now();
        log.info(
            "{}: {} of {} {} ({} %){}, {}/s, {} left",
            what,
            done,
            total,
            unit,
            100 * done / Math.max(1, total),
            more.isEmpty() ? "" : ", " + more,
            brief(rate),
            clock(left));
      }
    }
  }

  /**
   * Name, share, numbers, remark, and once they are known rate and time left. If it does not fit
   * the middle of the name is left out: its beginning is the stage, its end the task.
   */
  static String line(
      String what, long done, long total, String remark, double rate, long secondsLeft) {
    String numbers =
        "%3d%% %s/%s %s"
            .formatted(
                100 * done / Math.max(1, total),
                brief((double) done),
                brief((double) total),
                remark);
    if (rate > 0) {
      numbers += " %s/s %s".formatted(brief(rate), clock(secondsLeft));
    }
    return shortened(what, COLUMNS - numbers.length() - 1) + " " + numbers;
  }

  private static String shortened(String name, int room) {
    if (name.length() <= room) {
      return name;
    }
    int kept = Math.max(0, room - 1);
    int end = kept * 2 / 3;
    return name.substring(0, kept - end) + "~" + name.substring(name.length() - end);
  }

  /** At most five characters: {@code 0.004}, {@code 812}, {@code 12.4k}, {@code 1.00G}. */
  public static String brief(double number) {
    String[] units = {"", "k", "M", "G", "T"};
    int unit = 0;
    while (number >= 999.5 && unit < units.length - 1) {
      number /= 1000;
      unit++;
    }
    boolean whole = unit == 0 && number == Math.rint(number);
    int digits = whole || number >= 99.95 ? 0 : number >= 9.995 ? 1 : number >= 0.0995 ? 2 : 3;
    return String.format(Locale.ROOT, "%." + digits + "f%s", number, units[unit]);
  }

  /** {@code 1:02:03}; days before it if there are any. */
  public static String clock(long seconds) {
    String time = "%d:%02d:%02d".formatted(seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    return seconds < 86_400 ? time : "%dd %s".formatted(seconds / 86_400, time);
  }
}
