package dev.palimpsest.cli.reports;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.cli.html.Html;
import dev.palimpsest.cli.html.Pictures;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.data.DedupConfig;
import dev.palimpsest.files.Escape;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.duplicates.DuplicateReport;
import dev.palimpsest.mixtures.duplicates.DuplicateReport.Duplicate;
import dev.palimpsest.mixtures.duplicates.DuplicateReport.Evidence;
import dev.palimpsest.mixtures.duplicates.DuplicateReport.PoolResult;
import dev.palimpsest.mixtures.duplicates.Pool;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.images.ImageSteps;
import dev.palimpsest.mixtures.tasks.Example;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A {@link DuplicateReport} as a table for the terminal and as one HTML page. */
public final class DuplicatesPage {
  /** The most pairs that are shown for each kind of evidence. */
  private static final int SHOWN = 60;

  private final PipelineConfig recipe;
  private final DedupConfig settings;
  private final DuplicateReport report;
  private final Map<String, Double> shares;
  private final Map<String, Pool> training;
  private final Map<String, Pool> reference;
  private final StringBuilder out = new StringBuilder();

  private DuplicatesPage(
      PipelineConfig recipe,
      DedupConfig settings,
      DuplicateReport report,
      Map<String, Double> shares,
      Map<String, Pool> training,
      Map<String, Pool> reference) {
    this.recipe = recipe;
    this.settings = settings;
    this.report = report;
    this.shares = shares;
    this.training = training;
    this.reference = reference;
  }

  /**
   * Renders the page.
   *
   * @param shares of each stage's examples that are duplicates
   * @param training pools by task, open
   * @param reference pools by {@code suite/task}, open
   */
  public static String of(
      PipelineConfig recipe,
      DedupConfig settings,
      DuplicateReport report,
      Map<String, Double> shares,
      Map<String, Pool> training,
      Map<String, Pool> reference) {
    DuplicatesPage page = new DuplicatesPage(recipe, settings, report, shares, training, reference);
    page.head();
    page.out.append("<main>\n");
    page.strip();
    page.tables();
    page.pairs(Evidence.SAME_PICTURE, "The same pictures", "Byte for byte.");
    page.pairs(
        Evidence.NEAR_PICTURE,
        "Nearly the same pictures",
        "The least similar pairs come first: look for false ones here.");
    page.pairs(
        Evidence.TEXT,
        "The same texts",
        settings.texts()
            ? "These count as duplicates, whatever their pictures."
            : "These count as duplicates only if an example has no picture.");
    page.out.append("</main>\n");
    page.foot();
    return Html.page("Duplicates in " + recipe.name(), page.out.toString());
  }

  /** Everything that was found, for programs. */
  public static String json(
      PipelineConfig recipe,
      DedupConfig settings,
      DuplicateReport report,
      Map<String, Double> shares) {
    ObjectNode root = Json.STRICT.createObjectNode();
    root.put("recipe", recipe.name());
    settings.against().forEach(root.putArray("against")::add);
    root.putPOJO("reference", report.reference());
    ObjectNode stages = root.putObject("shares");
    shares.forEach(stages::put);
    DedupConfig gate = recipe.dedup();
    root.put("limit", gate == null ? null : gate.limit());
    root.putPOJO("pools", report.pools());
    ArrayNode duplicates = root.putArray("duplicates");
    for (Duplicate duplicate : report.duplicates()) {
      duplicates
          .addObject()
          .put("task", report.pools().get(duplicate.pool()).name())
          .put("id", duplicate.id())
          .put("position", duplicate.position())
          .put("evidence", duplicate.evidence().name().toLowerCase(Locale.ROOT))
          .put("picture", duplicate.picture() < 0 ? null : duplicate.picture())
          .put("bits", duplicate.bits())
          .put("measure", duplicate.measure())
          .put("of", duplicate.referencePool() + "/" + duplicate.referenceId())
          .put("counts", duplicate.leftOut());
    }
    return Json.indented(root);
  }

  /** The lines of the table for the terminal. */
  public static List<String> table(DuplicateReport report, Map<String, Double> shares) {
    List<String> lines = new ArrayList<>();
    var facts = report.reference();
    lines.add(
        Html.format(
            "searched for: %,d pictures (%,d without detail, found by their bytes alone) and %,d"
                + " texts (%,d more are too short) of %,d examples",
            facts.pictures(), facts.flat(), facts.texts(), facts.shortTexts(), facts.examples()));
    if (facts.unreadable() > 0) {
      lines.add(
          Html.format(
              "NOT searched for: %,d of those examples, whose pictures could not be read",
              facts.unreadable()));
    }
    int widest =
        report.pools().stream().mapToInt(pool -> Escape.line(pool.name()).length()).max().orElse(4);
    String format = "  %-" + Math.max(4, widest) + "s  %10s  %12s  %12s  %9s  %10s  %8s  %10s";
    lines.add(
        Html.format(
            format,
            "task",
            "examples",
            "same picture",
            "near picture",
            "same text",
            "duplicates",
            "share",
            "unreadable"));
    for (PoolResult pool : report.pools()) {
      lines.add(
          Html.format(
              format,
              Escape.line(pool.name()),
              Html.count(pool.examples()),
              Html.count(pool.samePicture()),
              Html.count(pool.nearPicture()),
              Html.count(pool.sameText()),
              Html.count(pool.leftOut()),
              Html.percent(pool.share()),
              Html.count(pool.unreadable())));
    }
    shares.forEach(
        (stage, share) ->
            lines.add(
                Html.format(
                    "  %s: %s of the examples are duplicates",
                    Escape.line(stage), Html.percent(share))));
    return lines;
  }

  private void head() {
    out.append("<header class=\"top\">\n<h1>Duplicates in ")
        .append(Escape.html(recipe.name()))
        .append("</h1>\n<p class=\"lead\">Training examples that also occur in the evaluation (")
        .append(Escape.html(String.join(", ", settings.against())))
        .append(").</p>\n</header>\n");
  }

  private void strip() {
    var facts = report.reference();
    out.append("<dl class=\"strip\">\n");
    fact(
        "evaluation pictures",
        Html.count(facts.pictures()),
        Html.count(facts.flat()) + " without detail");
    fact(
        "evaluation texts",
        Html.count(facts.texts()),
        Html.count(facts.shortTexts()) + " more are too short");
    if (facts.unreadable() > 0) {
      fact(
          "not searched for", Html.count(facts.unreadable()), "evaluation examples, as unreadable");
    }
    long examples = report.pools().stream().mapToLong(PoolResult::examples).sum();
    long found = report.pools().stream().mapToLong(PoolResult::leftOut).sum();
    fact("training examples", Html.count(examples), "without those excluded before");
    fact(
        "duplicates",
        Html.count(found),
        Html.percent(examples == 0 ? 0 : (double) found / examples) + " of them");
    out.append("</dl>\n");
  }

  private void fact(String name, String value, String more) {
    out.append(
        Html.format(
            "<div><dt>%s</dt><dd>%s<small>%s</small></dd></div>%n",
            Escape.html(name), Escape.html(value), Escape.html(more)));
  }

  private void tables() {
    DedupConfig gate = recipe.dedup();
    out.append(
        "<div class=\"card\"><h2>By task</h2><div class=\"scroll\" tabindex=\"0\" role=\"region\""
            + " aria-label=\"Duplicates by task\"><table><thead><tr><th scope=\"col\">task</th>"
            + "<th scope=\"col\">examples</th><th scope=\"col\">same picture</th>"
            + "<th scope=\"col\">near picture</th><th scope=\"col\">same text</th>"
            + "<th scope=\"col\">duplicates</th><th scope=\"col\">share</th>"
            + "<th scope=\"col\">unreadable</th></tr></thead><tbody>\n");
    for (PoolResult pool : report.pools()) {
      out.append(
          Html.format(
              "<tr><th scope=\"row\">%s</th><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td>"
                  + "<td>%s</td><td>%s</td></tr>%n",
              Escape.html(pool.name()),
              Html.count(pool.examples()),
              Html.count(pool.samePicture()),
              Html.count(pool.nearPicture()),
              Html.count(pool.sameText()),
              Html.count(pool.leftOut()),
              Html.percent(pool.share()),
              Html.count(pool.unreadable())));
    }
    out.append(
        "</tbody></table></div></div>\n<div class=\"card\"><h2>By stage</h2>\n<table><thead><tr>"
            + "<th scope=\"col\">stage</th><th scope=\"col\">share of its examples</th>"
            + "<th scope=\"col\">limit</th></tr></thead><tbody>\n");
    shares.forEach(
        (stage, share) -> {
          boolean over = gate != null && share > gate.limit();
          out.append(
              Html.format(
                  "<tr><th scope=\"row\">%s</th><td%s>%s</td><td>%s</td></tr>%n",
                  Escape.html(stage),
                  over ? " class=\"off\"" : "",
                  Html.percent(share),
                  gate == null
                      ? "none"
                      : Html.percent(gate.limit()) + (over ? ", exceeded: a run would stop" : "")));
        });
    out.append("</tbody></table></div>\n");
  }

  private void pairs(Evidence evidence, String title, String lead) {
    List<Duplicate> all =
        report.duplicates().stream().filter(d -> d.evidence() == evidence).toList();
    if (all.isEmpty()) {
      return;
    }
    // An original is shown once with each of its copies, not once per task.
    Map<String, Duplicate> distinct = new HashMap<>();
    for (Duplicate duplicate : all) {
      distinct.putIfAbsent(key(duplicate), duplicate);
    }
    List<Duplicate> shown =
        distinct.values().stream()
            .sorted(
                java.util.Comparator.comparingDouble(
                        (Duplicate d) -> evidence == Evidence.TEXT ? d.measure() : -d.measure())
                    .thenComparing(Duplicate::pool)
                    .thenComparing(Duplicate::position))
            .limit(SHOWN)
            .toList();
    out.append(
        Html.format(
            "<section class=\"stage\"><h2>%s</h2><p class=\"lead\">%s %s examples; %s"
                + " pairs%s.</p>%n<ul class=\"pairs\">%n",
            Escape.html(title),
            Escape.html(lead),
            Html.count(all.size()),
            shown.size() < distinct.size()
                ? Html.count(shown.size()) + " of " + Html.count(distinct.size())
                : Html.count(shown.size()),
            shown.size() < distinct.size() ? " are shown" : ""));
    shown.forEach(this::pair);
    out.append("</ul></section>\n");
  }

  /** Duplicates with the same key show the same pair. */
  private String key(Duplicate duplicate) {
    Example example = example(training.get(pool(duplicate)), duplicate.position());
    String ours =
        example == null
            ? duplicate.id()
            : duplicate.picture() >= 0
                ? example.images().get(duplicate.picture()).name()
                : example.prefix() + example.suffix();
    return ours + "\n" + duplicate.referencePool() + "\n" + duplicate.referencePosition();
  }

  private String pool(Duplicate duplicate) {
    return report.pools().get(duplicate.pool()).name();
  }

  private void pair(Duplicate duplicate) {
    String measure =
        switch (duplicate.evidence()) {
          case SAME_PICTURE -> "the same bytes";
          case NEAR_PICTURE ->
              Html.format(
                  "hashes %d of 64 bits apart, distance %.2f",
                  duplicate.bits(), duplicate.measure());
          case TEXT -> Html.format("%.0f %% of its runs", 100 * duplicate.measure());
        };
    out.append("<li class=\"sample\"><div class=\"pair\">");
    side(
        "training",
        pool(duplicate),
        duplicate.id(),
        training.get(pool(duplicate)),
        duplicate.position(),
        duplicate.picture());
    side(
        "evaluation",
        duplicate.referencePool(),
        duplicate.referenceId(),
        reference.get(duplicate.referencePool()),
        duplicate.referencePosition(),
        duplicate.referencePicture());
    out.append("</div><div class=\"foot\"><span>")
        .append(Escape.html(measure))
        .append("</span><span>")
        .append(duplicate.leftOut() ? "duplicate" : "not counted")
        .append("</span></div></li>\n");
  }

  private void side(
      String side, String name, String id, @Nullable Pool pool, long position, int picture) {
    Example example = example(pool, position);
    out.append("<figure>");
    if (example == null) {
      out.append("<div class=\"none\">no longer readable</div>");
    } else if (picture >= 0) {
      out.append(
          Pictures.one(
              example.images().get(picture),
              ImageSteps.NONE,
              "The " + side + "'s picture, of " + name + "/" + id,
              List.of()));
    } else {
      out.append("<p class=\"text\">")
          .append(Pictures.words(example.prefix() + "\n" + example.suffix()))
          .append("</p>");
    }
    out.append("<figcaption><strong>")
        .append(side)
        .append("</strong> ")
        .append(Escape.html(name + "/" + id))
        .append("</figcaption></figure>");
  }

  private static @Nullable Example example(@Nullable Pool pool, long position) {
    try {
      return Objects.requireNonNull(pool).examples().apply(position);
    } catch (BadExampleException e) {
      return null;
    }
  }

  private void foot() {
    out.append(
        Html.format(
            "<footer><p>Pictures: 64-bit perceptual hashes of three crops within %d bits, then"
                + " compared pixel by pixel; texts: runs of %d words, %s of an evaluation text's"
                + " runs.</p></footer>%n",
            settings.threshold(), settings.words(), Html.percent(settings.overlap())));
  }
}
