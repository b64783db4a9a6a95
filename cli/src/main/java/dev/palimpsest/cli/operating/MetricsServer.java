package dev.palimpsest.cli.operating;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.palimpsest.cli.machine.ProcessGroup;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.files.Daemons;
import dev.palimpsest.stages.logs.StepMetrics;
import dev.palimpsest.stages.training.Activity;
import dev.palimpsest.stages.training.Progress;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.core.metrics.Info;
import io.prometheus.metrics.exporter.httpserver.MetricsHandler;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.Unit;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** {@code /metrics} for Prometheus and {@code /healthz} for probes, of one process of a run. */
public final class MetricsServer implements Progress, AutoCloseable {
  private final HttpServer server;
  private final ExecutorService threads;
  private final Counter examples;
  private final Counter steps;
  private final Counter guarded;
  private final Counter activities;
  private final Gauge loss;
  private final Gauge gradientNorm;
  private final Gauge rate;
  private final Gauge stageExamples;
  private final Gauge skipped;
  private final Histogram stepSeconds;
  private Activity activity = Activity.START;
  private long booked = System.nanoTime();

  private MetricsServer(HttpServer server, ProcessGroup group, String version) {
    this.server = server;
    PrometheusRegistry registry = new PrometheusRegistry();
    Info info =
        Info.builder()
            .name("palimpsest")
            .help("The program and the process's place in its group.")
            .labelNames("version", "rank", "world_size", "host")
            .register(registry);
    info.setLabelValues(
        version,
        Integer.toString(group.rank()),
        Integer.toString(group.worldSize()),
        ProcessState.host());
    examples = counter(registry, "examples", "Examples trained on by this process.", "stage");
    steps = counter(registry, "steps", "Training steps.", "stage");
    guarded = counter(registry, "guard_events", "Steps that the guard objected to.", "stage");
    activities =
        Counter.builder()
            .name("palimpsest_activity")
            .help(
                "Time by what it was spent on: start, compute, input, collective, save, evaluate.")
            .unit(Unit.SECONDS)
            .labelNames("activity")
            .register(registry);
    loss = gauge(registry, "loss", "Loss of the last step.");
    gradientNorm = gauge(registry, "gradient_norm", "Gradient norm of the last step.");
    rate = gauge(registry, "examples_per_second", "Speed of the last step.");
    stageExamples = gauge(registry, "stage_examples", "Examples that the stage has trained on.");
    skipped = gauge(registry, "skipped_examples", "Bad examples that were replaced in the stage.");
    stepSeconds =
        Histogram.builder()
            .name("palimpsest_step")
            .help("Duration of training steps.")
            .unit(Unit.SECONDS)
            .labelNames("stage")
            .classicExponentialUpperBounds(0.01, 2, 18)
            .register(registry);
    server.createContext("/metrics", new MetricsHandler(registry));
    threads = Executors.newFixedThreadPool(2, Daemons.named("metrics"));
    server.setExecutor(threads);
  }

  private static Counter counter(
      PrometheusRegistry registry, String name, String help, String label) {
    return Counter.builder()
        .name("palimpsest_" + name)
        .help(help)
        .labelNames(label)
        .register(registry);
  }

  private static Gauge gauge(PrometheusRegistry registry, String name, String help) {
    return Gauge.builder()
        .name("palimpsest_" + name)
        .help(help)
        .labelNames("stage")
        .register(registry);
  }

  /**
   * Starts to serve.
   *
   * @param address its port 0 takes any free one
   * @param state what {@code /healthz} tells
   * @param version of the program
   */
  public static MetricsServer start(
      InetSocketAddress address, ProcessGroup group, ProcessState state, String version) {
    try {
      HttpServer server = HttpServer.create(address, 0);
      server.createContext("/healthz", exchange -> health(exchange, state));
      MetricsServer metrics = new MetricsServer(server, group, version);
      server.start();
      return metrics;
    } catch (BindException e) {
      throw new UserMistake(
          "--metrics: %s:%d cannot be used by process %d of this machine (%s); choose another port, or 0 for any free one"
              .formatted(
                  address.getHostString(), address.getPort(), group.localRank(), e.getMessage()));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot serve metrics on " + address, e);
    }
  }

  /** Where it serves. */
  public InetSocketAddress address() {
    return server.getAddress();
  }

  private static void health(HttpExchange exchange, ProcessState state) throws IOException {
    boolean alive = state.isAlive();
    byte[] body =
        ((alive ? "ok: " : "no progress: ") + state.describe() + "\n")
            .getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().add("Content-Type", "text/plain; charset=utf-8");
    exchange.sendResponseHeaders(alive ? 200 : 503, body.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(body);
    }
  }

  private synchronized void book(Activity next) {
    long now = System.nanoTime();
    add(activity, (now - booked) / 1e9);
    booked = now;
    activity = next;
  }

  private void add(Activity what, double seconds) {
    activities.labelValues(what.name().toLowerCase(Locale.ROOT)).inc(Math.max(0, seconds));
  }

  @Override
  public void start(StageConfig stage, long fromExamples) {
    stageExamples.labelValues(stage.name()).set((double) fromExamples);
  }

  @Override
  public synchronized void step(StageConfig stage, StepMetrics metrics) {
    String name = stage.name();
    long now = System.nanoTime();
    double input = metrics.waitShare() * metrics.seconds();
    add(Activity.INPUT, input);
    add(activity, (now - booked) / 1e9 - input);
    booked = now;
    examples.labelValues(name).inc(stage.batchSize());
    steps.labelValues(name).inc();
    if (metrics.event() != null) {
      guarded.labelValues(name).inc();
    }
    loss.labelValues(name).set(metrics.outcome().loss());
    gradientNorm.labelValues(name).set(metrics.outcome().gradientNorm());
    rate.labelValues(name).set(metrics.rate(stage.batchSize()));
    stageExamples.labelValues(name).set((double) metrics.examples());
    skipped.labelValues(name).set((double) metrics.skipped());
    stepSeconds.labelValues(name).observe(metrics.seconds());
  }

  @Override
  public void turnTo(Activity next) {
    book(next);
  }

  @Override
  public synchronized void waitedForRanks(Duration time) {
    add(Activity.COLLECTIVE, time.toNanos() / 1e9);
    booked += time.toNanos();
  }

  @Override
  public void end() {
    book(Activity.SAVE);
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
