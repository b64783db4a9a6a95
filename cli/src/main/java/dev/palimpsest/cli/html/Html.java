package dev.palimpsest.cli.html;

import dev.palimpsest.files.Escape;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import javax.imageio.ImageIO;

/** Parts of a page: numbers for people, and the frame with its style sheet. */
public final class Html {
  /** uPlot in its WebJar, which carries npm's package unchanged. */
  private static final String CHARTS = "/META-INF/resources/webjars/uplot/1.6.30/dist/";

  private Html() {}

  /** A formatted string with English numbers, whatever the machine's language. */
  public static String format(String format, Object... args) {
    return String.format(Locale.ROOT, format, args);
  }

  /** {@code 12,345}. */
  public static String count(long n) {
    return format("%,d", n);
  }

  /** A share in percent, with as many digits as are meaningful. */
  public static String percent(double share) {
    double percent = 100 * share;
    return percent == 0
        ? "0 %"
        : percent < 0.01
            ? "< 0.01 %"
            : format(percent < 1 ? "%.2f %%" : percent < 99.95 ? "%.1f %%" : "%.0f %%", percent);
  }

  /** A self-contained page. */
  public static String page(String title, String body) {
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
  public static String pageWithPlots(String title, String body) {
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

  /** A page with the script that follows a run while a server has newer versions of the page. */
  public static String live(String page, String version) {
    int end = page.lastIndexOf("</body>");
    return page.substring(0, end)
        + "<script data-version=\"%s\">%n%s</script>%n".formatted(version, resource("live.js"))
        + page.substring(end);
  }

  /** Text inside a script element, which no tag can end. */
  static String inScript(String json) {
    return json.replace("<", "\\u003c");
  }

  /** Begins a section with its heading. */
  public static String section(String id, String title, String lead) {
    return format(
        "<section class=\"stage\" id=\"%s\"><h2>%s</h2>%n<p class=\"lead\">%s</p>%n",
        id, Escape.html(title), Escape.html(lead));
  }

  /** Links to a page's sections, whose ids are their names in lower case. */
  public static String navigation(List<String> sections) {
    StringBuilder out = new StringBuilder("<nav class=\"stages\" aria-label=\"Sections\"><ul>\n");
    for (String section : sections) {
      out.append(
          format(
              "<li><a href=\"#%s\">%s</a></li>%n",
              section.toLowerCase(Locale.ROOT), Escape.html(section)));
    }
    return out.append("</ul></nav>\n").toString();
  }

  /** A fact of the strip at a page's head. */
  public static String fact(String name, String value, String more) {
    return format(
        "<div><dt>%s</dt><dd>%s<small>%s</small></dd></div>%n",
        Escape.html(name), Escape.html(value), Escape.html(more));
  }

  /**
   * A table in a frame that scrolls where it is too wide.
   *
   * @param rows the first cell of each is its heading
   */
  public static String table(String name, List<String> columns, List<List<String>> rows) {
    StringBuilder out =
        new StringBuilder(
            format(
                "<div class=\"card\"><div class=\"scroll\" tabindex=\"0\" role=\"region\""
                    + " aria-label=\"%s\"><table><thead><tr>",
                Escape.html(name)));
    columns.forEach(
        column -> out.append("<th scope=\"col\">").append(Escape.html(column)).append("</th>"));
    out.append("</tr></thead>\n<tbody>\n");
    for (List<String> row : rows) {
      out.append("<tr><th scope=\"row\">").append(Escape.html(row.get(0))).append("</th>");
      row.subList(1, row.size())
          .forEach(cell -> out.append("<td>").append(Escape.html(cell)).append("</td>"));
      out.append("</tr>\n");
    }
    return out.append("</tbody></table></div></div>\n").toString();
  }

  /** Facts with their names. */
  public static String facts(Map<String, ?> facts) {
    StringBuilder out = new StringBuilder("<dl class=\"facts\">\n");
    facts.forEach(
        (name, value) ->
            out.append(
                format(
                    "<div><dt>%s</dt><dd>%s</dd></div>%n",
                    Escape.html(name), Escape.html(String.valueOf(value)))));
    return out.append("</dl>\n").toString();
  }

  /** A drawing as a PNG data URI. */
  public static String png(BufferedImage drawing) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      ImageIO.write(drawing, "png", bytes);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write a drawing", e);
    }
    return "data:image/png;base64," + Base64.getEncoder().encodeToString(bytes.toByteArray());
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
