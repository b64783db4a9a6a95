package dev.palimpsest.cli.reports;

import dev.palimpsest.files.Escape;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Objects;

/** Parts of a page: numbers for people, and the frame with its style sheet. */
final class Html {
  /** uPlot in its WebJar, which carries npm's package unchanged. */
  private static final String CHARTS = "/META-INF/resources/webjars/uplot/1.6.30/dist/";

  private Html() {}

  /** A formatted string with English numbers, whatever the machine's language. */
  static String format(String format, Object... args) {
    return String.format(Locale.ROOT, format, args);
  }

  /** {@code 12,345}. */
  static String count(long n) {
    return format("%,d", n);
  }

  /** A share in percent, with as many digits as are meaningful. */
  static String percent(double share) {
    double percent = 100 * share;
    return percent == 0
        ? "0 %"
        : percent < 0.01
            ? "< 0.01 %"
            : format(percent < 1 ? "%.2f %%" : percent < 99.95 ? "%.1f %%" : "%.0f %%", percent);
  }

  /** A self-contained page. */
  static String page(String title, String body) {
    return """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <link rel="icon" href="data:,">
    <title>%s</title>
    <style>
    %s</style>
    </head>
    <body>
    %s</body>
    </html>
    """
        .formatted(Escape.html(title), style(), body);
  }

  /** A page with plots: the chart library and the script that draws them are part of it. */
  static String pageWithPlots(String title, String body) {
    String scripts =
        "<style>\n%s\n%s</style>\n%s<script>\n%s\n%s</script>\n"
            .formatted(
                resource(CHARTS + "uPlot.min.css"),
                resource("report.css"),
                body,
                "/*! uPlot, https://github.com/leeoniya/uPlot, MIT licence, (c) 2022 Leon Sorokin */\n"
                    + resource(CHARTS + "uPlot.iife.min.js"),
                resource("report.js"));
    return page(title, scripts);
  }

  /** Text inside a script element, which no tag can end. */
  static String inScript(String json) {
    return json.replace("<", "\\u003c");
  }

  private static String style() {
    return resource("page.css");
  }

  private static String resource(String name) {
    try (InputStream in = Objects.requireNonNull(Html.class.getResourceAsStream(name), name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + name, e);
    }
  }
}
