package dev.palimpsest.cli.reports;

import dev.palimpsest.cli.html.Html;
import dev.palimpsest.cli.html.Overlay;
import dev.palimpsest.cli.html.Thumbnail;
import dev.palimpsest.cli.reports.Inspection.InspectedExample;
import dev.palimpsest.cli.reports.Inspection.Role;
import dev.palimpsest.cli.reports.Inspection.Token;
import dev.palimpsest.files.Escape;
import dev.palimpsest.mixtures.codecs.SegmentationTokens;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** An {@link Inspection} as one HTML page, and as lines for the terminal. */
public final class InspectionPage {
  /** The loss at which a cell has its full colour: that of guessing among twenty tokens. */
  private static final double FULL = 3;

  private final Inspection batch;
  private final Tokenizer tokenizer;
  private final @Nullable SegmentationTokens codec;
  private final StringBuilder out = new StringBuilder();

  private InspectionPage(
      Inspection batch, Tokenizer tokenizer, @Nullable SegmentationTokens codec) {
    this.batch = batch;
    this.tokenizer = tokenizer;
    this.codec = codec;
  }

  /**
   * Renders the page.
   *
   * @param codec decodes segmentation tokens to masks
   */
  public static String of(
      Inspection batch, Tokenizer tokenizer, @Nullable SegmentationTokens codec) {
    InspectionPage page = new InspectionPage(batch, tokenizer, codec);
    page.head();
    page.out.append("<main>\n");
    batch.examples().forEach(page::example);
    page.out.append("</main>\n");
    page.out.append(
        "<footer><p>Drawn by <code>palimpsest inspect</code>. Pictures are those that the network"
            + " gets, after resizing and augmentation; the mask is the network's own. Boxes and masks"
            + " are decoded from the tokens that the model sees.</p></footer>\n");
    return Html.page("A batch of " + batch.recipe(), page.out.toString());
  }

  private void head() {
    out.append(
        Html.format(
            "<header class=\"top\">%n<h1>A batch of %s, %s</h1>%n"
                + "<p class=\"lead\">%dpx, %s image tokens a picture, %d text tokens.</p>%n",
            Escape.html(batch.recipe()),
            Escape.html(batch.stage()),
            batch.resolution(),
            Html.count(batch.imageTokens()),
            batch.textTokens()));
    out.append("<ul class=\"legend\">");
    for (Role role : Role.values()) {
      out.append(
          Html.format(
              "<li><span class=\"tok t-%s\">%s</span></li>",
              role.name().toLowerCase(Locale.ROOT), role.word()));
    }
    out.append(
        "<li><span class=\"tok t-suffix loss\">underlined</span> counts in the loss</li></ul>\n</header>\n");
  }

  private void example(InspectedExample example) {
    out.append(
        Html.format(
            "<section class=\"stage\"><h2>Position %s: %s</h2>%n<p class=\"lead\">%s</p>%n",
            Html.count(example.position()),
            Escape.html(example.id()),
            Escape.html(String.join("; ", facts(batch, example)))));
    out.append("<div class=\"two\">\n<div class=\"card\">\n<h3>Picture</h3>\n");
    pictures(example);
    out.append("</div>\n<div class=\"card\">\n<h3>Attention</h3>\n");
    out.append(
        Html.format(
            "<p class=\"lead\">Each row is a token, its colour says of what kind; a filled cell is a"
                + " token that it sees. Image tokens come first%s.</p>%n<img class=\"attention\""
                + " alt=\"Attention mask of %s\" src=\"%s\">%n</div>%n</div>%n",
            example.pictures().size() * batch.imageTokens() > 24
                ? " and share " + 24 + " rows and columns"
                : "",
            Escape.html(example.id()),
            MaskImage.uri(example, batch.imageTokens())));
    out.append("<div class=\"card\">\n<h3>Tokens</h3>\n<p class=\"tokens\">");
    example.tokens().forEach(this::token);
    out.append("</p>\n</div>\n");
    if (!batch.checkpoints().isEmpty()) {
      losses(example);
    }
    out.append("</section>\n");
  }

  private void pictures(InspectedExample example) {
    if (example.pictures().isEmpty()) {
      out.append("<div class=\"none\">no picture</div>\n");
      return;
    }
    List<Overlay> objects =
        Overlay.of(
            codec, example.text(tokenizer, Role.PREFIX), example.text(tokenizer, Role.SUFFIX));
    out.append("<div class=\"pictures\">");
    for (int i = 0; i < example.pictures().size(); i++) {
      out.append(
          Html.format(
              "<div class=\"picture\"><img width=\"%d\" height=\"%d\" alt=\"Picture %d of %s\" src=\"%s\">",
              batch.resolution(),
              batch.resolution(),
              i + 1,
              Escape.html(example.id()),
              Thumbnail.uri(example.pictures().get(i))));
      for (int o = 0; i == 0 && o < objects.size(); o++) {
        out.append(objects.get(o).html(o));
      }
      out.append("</div>");
    }
    out.append("</div>\n");
  }

  private void token(Token token) {
    String losses =
        token.losses().stream().allMatch(loss -> loss.isNaN())
            ? ""
            : "; loss "
                + String.join(", ", token.losses().stream().map(InspectionPage::loss).toList());
    out.append(
        Html.format(
            "<span class=\"tok t-%s%s\" title=\"text position %d, id %d, %s%s%s\">%s<small>%d</small></span>",
            token.role().name().toLowerCase(Locale.ROOT),
            token.supervised() ? " loss" : "",
            token.index(),
            token.id(),
            token.role().word(),
            token.supervised() ? ", counts in the loss" : "",
            losses,
            visible(token.text()),
            token.id()));
  }

  /** A token's text, in which spaces and line breaks can be seen. */
  private static String visible(String text) {
    return Escape.html(text.replace(" ", "\u00b7").replace("\n", "\u23ce"));
  }

  private void losses(InspectedExample example) {
    List<Token> supervised = example.tokens().stream().filter(Token::supervised).toList();
    out.append(
        "<div class=\"card\">\n<h3>Loss of each token</h3>\n<div class=\"scroll\"><table"
            + " class=\"losses\"><thead><tr><th>checkpoint</th><th>mean</th>");
    supervised.forEach(
        token -> out.append("<th class=\"token\">").append(visible(token.text())).append("</th>"));
    out.append("</tr></thead><tbody>\n");
    for (int c = 0; c < batch.checkpoints().size(); c++) {
      out.append("<tr><th>")
          .append(Escape.html(batch.checkpoints().get(c)))
          .append("</th><td>")
          .append(loss((float) example.loss(c)))
          .append("</td>");
      for (Token token : supervised) {
        float loss = token.losses().get(c);
        out.append(
            Html.format(
                "<td style=\"--heat:%.0f%%\">%s</td>",
                100 * Math.min(1, Math.max(0, loss / FULL)), loss(loss)));
      }
      out.append("</tr>\n");
    }
    out.append("</tbody></table></div>\n</div>\n");
  }

  private static String loss(float value) {
    return Float.isNaN(value) ? "-" : Html.format("%.3f", value);
  }

  private static List<String> facts(Inspection batch, InspectedExample example) {
    List<String> facts = new ArrayList<>();
    facts.add(
        Html.format(
            "%d picture%s, %s image tokens",
            example.pictures().size(),
            example.pictures().size() == 1 ? "" : "s",
            Html.count((long) example.pictures().size() * batch.imageTokens())));
    facts.addAll(batch.encoding());
    facts.add(
        Html.format(
            "text: %d prompt, %d target, %d padding",
            example.count(Role.BOS, Role.PREFIX, Role.SEPARATOR),
            example.count(Role.SUFFIX, Role.EOS),
            example.count(Role.PADDING)));
    if (example.count(Role.EOS) == 0) {
      facts.add("truncated: it has no EOS");
    }
    return facts;
  }

  // ---- The terminal

  /** The same in lines. */
  public static List<String> lines(Inspection batch) {
    List<String> lines = new ArrayList<>();
    for (InspectedExample example : batch.examples()) {
      lines.add(
          Html.format(
              "position %d: %s; %s",
              example.position(),
              Escape.line(example.id()),
              String.join("; ", facts(batch, example))));
      lines.add(
          Html.format("  %4s %7s  %-9s %-4s %-18s", "at", "id", "role", "loss", "token")
              + String.join("", batch.checkpoints().stream().map(c -> "  " + brief(c)).toList()));
      int padding = 0;
      for (Token token : example.tokens()) {
        if (token.role() == Role.PADDING) {
          padding++;
          continue;
        }
        lines.add(
            Html.format(
                    "  %4d %7d  %-9s %-4s %-18s",
                    token.index(),
                    token.id(),
                    token.role().word(),
                    token.supervised() ? "yes" : "",
                    Escape.line(token.text()))
                + String.join(
                    "", token.losses().stream().map(l -> Html.format("  %10s", loss(l))).toList()));
      }
      if (padding > 0) {
        lines.add(Html.format("  and %d of padding, which no token before it sees", padding));
      }
      for (int c = 0; c < batch.checkpoints().size(); c++) {
        lines.add(
            Html.format(
                "  loss %.4f: %s", example.loss(c), Escape.line(batch.checkpoints().get(c))));
      }
    }
    return lines;
  }

  private static String brief(String checkpoint) {
    return Html.format(
        "%10s",
        checkpoint.length() <= 10 ? checkpoint : checkpoint.substring(checkpoint.length() - 10));
  }
}
