package dev.palimpsest.cli.reports;

import dev.palimpsest.cli.html.Html;
import dev.palimpsest.files.Escape;
import dev.palimpsest.stages.plan.PaperFact;
import java.util.ArrayList;
import java.util.List;

/** {@link PaperFact}s as a table for the terminal. */
public final class PaperTable {
  private PaperTable() {}

  /** The lines. */
  public static List<String> of(List<PaperFact> facts) {
    List<String> lines = new ArrayList<>();
    int[] widths = new int[3];
    for (PaperFact fact : facts) {
      widths[0] = Math.max(widths[0], fact.what().length());
      widths[1] = Math.max(widths[1], recipe(fact).length());
      widths[2] = Math.max(widths[2], paper(fact).length());
    }
    String format = "  %-" + widths[0] + "s  %-9s  %-" + widths[1] + "s  %-" + widths[2] + "s  %s";
    String stage = "";
    for (PaperFact fact : facts) {
      if (!fact.stage().equals(stage)) {
        stage = fact.stage();
        lines.add(Escape.line(stage) + ": the paper's stage " + fact.role());
        lines.add(
            Html.format(format, "setting", "is", "recipe", "paper", "source").stripTrailing());
      }
      lines.add(
          Html.format(
                  format,
                  fact.what(),
                  word(fact.origin()),
                  recipe(fact),
                  paper(fact),
                  fact.source())
              .stripTrailing());
    }
    long published = count(facts, PaperFact.Origin.PUBLISHED);
    long ours = count(facts, PaperFact.Origin.OURS);
    lines.add(
        Html.format(
            "%d settings are published, %d are ours because the papers name none, %d differ from the papers",
            published, ours, facts.size() - published - ours));
    lines.add(
        "PG1: PaliGemma, arXiv 2407.07726v2; PG2: PaliGemma 2, arXiv 2412.03555v1; files of big_vision at 0127fb6");
    return lines;
  }

  private static long count(List<PaperFact> facts, PaperFact.Origin origin) {
    return facts.stream().filter(fact -> fact.origin() == origin).count();
  }

  private static String word(PaperFact.Origin origin) {
    return switch (origin) {
      case PUBLISHED -> "published";
      case OURS -> "ours";
      case DIFFERS -> "DIFFERS";
    };
  }

  private static String recipe(PaperFact fact) {
    return Escape.line(fact.recipe());
  }

  private static String paper(PaperFact fact) {
    return fact.paper() == null ? "-" : fact.paper();
  }
}
