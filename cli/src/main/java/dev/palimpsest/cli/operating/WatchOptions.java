package dev.palimpsest.cli.operating;

import dev.palimpsest.cli.machine.ProcessGroup;
import dev.palimpsest.cli.terminal.UserMistake;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a run can be watched from outside. */
public final class WatchOptions {
  private static final Pattern ADDRESS = Pattern.compile("(?:(.+):)?(\\d{1,5})");

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
    Matcher m = ADDRESS.matcher(metrics);
    int port = m.matches() ? Integer.parseInt(m.group(2)) : -1;
    int own = port == 0 ? 0 : port + group.localRank();
    if (port < 0 || own > 65_535) {
      throw new UserMistake("--metrics must be a port or HOST:PORT, got '%s'".formatted(metrics));
    }
    String host = m.group(1);
    InetSocketAddress address =
        host == null
            ? new InetSocketAddress(InetAddress.getLoopbackAddress(), own)
            : new InetSocketAddress(host.replaceAll("[\\[\\]]", ""), own);
    if (address.isUnresolved()) {
      throw new UserMistake("--metrics: there is no host '%s'".formatted(host));
    }
    return Optional.of(address);
  }
}
