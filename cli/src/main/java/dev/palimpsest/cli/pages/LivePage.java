package dev.palimpsest.cli.pages;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.palimpsest.cli.reports.RunPage;
import dev.palimpsest.files.Daemons;
import dev.palimpsest.files.FolderLock;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A run's page over HTTP: {@code /} is the page, {@code /version} a text that changes when the page
 * would. The page asks for the latter every few seconds. It is made when it is asked for, and not
 * anew while the run folder stays the same.
 */
final class LivePage implements AutoCloseable {
  /** A page that takes long to make, of a long run, is made less often. */
  private static final int REST = 10;

  private final Path run;
  private final HttpServer server;
  private final ExecutorService threads;
  private @Nullable String page;
  private String version = "";
  private long due;

  private LivePage(Path run, HttpServer server) {
    this.run = run;
    this.server = server;
    threads = Executors.newFixedThreadPool(2, Daemons.named("page"));
    server.setExecutor(threads);
  }

  /** Starts to serve. */
  static LivePage serve(Path run, InetSocketAddress address) {
    try {
      HttpServer server = HttpServer.create(address, 0);
      LivePage live = new LivePage(run, server);
      server.createContext("/", live::answer);
      server.start();
      return live;
    } catch (IOException e) {
      throw new UncheckedIOException(
          "cannot serve on %s; --listen names another port".formatted(address), e);
    }
  }

  /** Host and port, as in a URL. */
  String authority() {
    InetSocketAddress address = server.getAddress();
    String host = address.getAddress().getHostAddress();
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + address.getPort();
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String path = exchange.getRequestURI().getPath();
      if (!isMeant(exchange.getRequestHeaders().getFirst("Host"))) {
        send(exchange, 403, "text/plain", "this name is not served");
      } else if (!exchange.getRequestMethod().equals("GET")) {
        send(exchange, 405, "text/plain", "only GET");
      } else if (path.equals("/")) {
        send(exchange, 200, "text/html", page());
      } else if (path.equals("/version")) {
        send(exchange, 200, "text/plain", version());
      } else {
        send(exchange, 404, "text/plain", "there is only /");
      }
    }
  }

  /**
   * On loopback a request must name it: a page of another site could otherwise let its own name
   * mean this machine and read what is served here.
   */
  private boolean isMeant(@Nullable String host) {
    return !server.getAddress().getAddress().isLoopbackAddress()
        || (host != null && host.matches("(localhost|127\\.\\d+\\.\\d+\\.\\d+|\\[::1\\])(:\\d+)?"));
  }

  private static void send(HttpExchange exchange, int code, String type, String text)
      throws IOException {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().add("Content-Type", type + "; charset=utf-8");
    exchange.getResponseHeaders().add("Cache-Control", "no-store");
    exchange.getResponseHeaders().add("X-Content-Type-Options", "nosniff");
    exchange
        .getResponseHeaders()
        .add(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src"
                + " data:; connect-src 'self'");
    exchange.sendResponseHeaders(code, body.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(body);
    }
  }

  private synchronized String page() {
    String now = version();
    String made = page;
    if (made == null || !now.equals(version)) {
      long began = System.nanoTime();
      made = RunPage.live(RunReport.html(run), now);
      page = made;
      version = now;
      due = System.nanoTime() + REST * (System.nanoTime() - began);
    }
    return made;
  }

  private synchronized String version() {
    return page != null && System.nanoTime() - due < 0 ? version : stamp();
  }

  /** Sizes and times of what the page is made from. */
  private String stamp() {
    StringBuilder stamp =
        new StringBuilder(FolderLock.isHeld(run.resolve("run.lock")) ? "running" : "still");
    try (Stream<Path> files =
        Files.find(
            run,
            3,
            (file, facts) ->
                String.valueOf(file.getFileName())
                        .matches("(metrics|goodput)\\.jsonl|(stage|end)\\.json")
                    || String.valueOf(file.getParent()).endsWith("scores"))) {
      for (Path file : files.sorted().toList()) {
        stamp
            .append(' ')
            .append(Files.size(file))
            .append('@')
            .append(Files.getLastModifiedTime(file).toMillis());
      }
    } catch (IOException | UncheckedIOException e) {
      return stamp + " at " + System.nanoTime(); // a file went away meanwhile
    }
    return Integer.toHexString(stamp.toString().hashCode()) + "-" + stamp.length();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
