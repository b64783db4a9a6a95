package dev.palimpsest.cli.operating;

import dev.palimpsest.cli.machine.ProcessGroup;
import dev.palimpsest.cli.terminal.UserMistake;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a run can be watched from outside. */
public final class WatchOptions {
  @Option(
      names = "--metrics",
      paramLabel = "[HOST:]PORT",
      description = {
        "Serves /metrics for Prometheus and /healthz there; on loopback unless a host is given, such as 0.0.0.0.",
        "A node's second process takes the next port, and so on."
      })
  @Nullable String metrics;

  @Option(
      names = "--heartbeat",
      paramLabel = "FILE",
      description =
          "A file that is written every few seconds while there is progress. Default: processes/rank-N.json in the run folder.")
  @Nullable Path heartbeat;

  @Option(
      names = "--patience",
      paramLabel = "SECONDS",
      defaultValue = "1800",
      description =
          "How long a step, or a stage's start or end, may take before the heartbeat stops and /healthz fails. Default: ${DEFAULT-VALUE}.")
  long patience = 1800;

  /** How long a process may be without progress. */
  public Duration patience() {
    if (patience < 1) {
      throw new UserMistake("--patience must be at least 1 second, got " + patience);
    }
    return Duration.ofSeconds(patience);
  }

  /** The file of the heartbeat. */
  public Path heartbeat(Path standard) {
    return heartbeat == null ? standard : heartbeat;
  }

  /** Where to serve; empty if nowhere. */
  public Optional<InetSocketAddress> address(ProcessGroup group) {
    if (metrics == null) {
      return Optional.empty();
    }
    return Optional.of(ListenAddress.of("--metrics", metrics, group.localRank()));
  }
}
