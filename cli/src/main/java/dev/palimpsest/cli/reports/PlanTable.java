package dev.palimpsest.cli.reports;

import dev.palimpsest.cli.html.Html;
import dev.palimpsest.configs.ModelCost.Use;
import dev.palimpsest.files.Escape;
import dev.palimpsest.stages.plan.Amounts;
import dev.palimpsest.stages.plan.Hardware;
import dev.palimpsest.stages.plan.Plan;
import dev.palimpsest.stages.plan.PlanCheck;
import dev.palimpsest.stages.plan.StagePlan;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** A {@link Plan} as a table for the terminal: a column for each stage that trains. */
public final class PlanTable {
  private static final String NONE = "-";

  private final Plan plan;
  private final List<StagePlan> stages;
  private final List<List<String>> rows = new ArrayList<>();

  private PlanTable(Plan plan) {
    this.plan = plan;
    this.stages = plan.stages().stream().filter(stage -> stage.examples() > 0).toList();
  }

  /** The lines. */
  public static List<String> of(Plan plan) {
    return new PlanTable(plan).lines();
  }

  /** A finished run beside its plan. */
  public static List<String> of(List<PlanCheck> checks) {
    List<String> lines = new ArrayList<>();
    lines.add(
        Html.format(
            "%-16s %12s %12s %8s %12s %12s %8s",
            "stage", "memory plan", "used", "", "time plan", "used", ""));
    for (PlanCheck check : checks) {
      lines.add(
          Html.format(
              "%-16s %12s %12s %8s %12s %12s %8s%s",
              Escape.line(check.stage()),
              Amounts.bytes(check.memoryPlanned()),
              check.memoryUsed() == 0 ? NONE : Amounts.bytes(check.memoryUsed()),
              check.memoryUsed() == 0 ? NONE : Html.format("%+.1f %%", 100 * check.memoryError()),
              duration(check.secondsPlanned() / 3600),
              duration(check.secondsUsed() / 3600),
              Html.format("%+.1f %%", 100 * check.timeError()),
              check.holds() ? "" : "  WRONG"));
    }
    lines.add(
        Html.format(
            "memory of arrays, %.0f %% off at the most; time of the steps after the second, %.0f %% off at the most",
            100 * PlanCheck.MEMORY, 100 * PlanCheck.TIME));
    return lines;
  }

  private List<String> lines() {
    Hardware hardware = plan.hardware();
    List<String> lines = new ArrayList<>();
    lines.add(
        Html.format(
            "%s on %d x %s, %s",
            Escape.line(plan.recipe()),
            hardware.count(),
            Escape.line(hardware.device()),
            hardware.sharding()));
    if (stages.isEmpty()) {
      plan.stages().forEach(stage -> lines.add(untrained(stage)));
    } else {
      trained(lines);
    }
    for (StagePlan stage : plan.stages()) {
      for (String note : stage.notes()) {
        lines.add("! " + Escape.line(stage.name()) + ": " + Escape.line(note));
      }
    }
    return lines;
  }

  private static String untrained(StagePlan stage) {
    return Html.format(
        "%s: %s parameters, a checkpoint of %s, exports of %s; no training is planned",
        Escape.line(stage.name()),
        Html.count(stage.parameters()),
        Amounts.bytes(stage.checkpointBytes()),
        Amounts.bytes(stage.exportBytes()));
  }

  private void trained(List<String> lines) {
    tokens();
    operations();
    memory();
    disk();
    boolean timed = stages.stream().anyMatch(stage -> stage.hours() != null);
    if (timed) {
      time();
    }
    lines.addAll(Columns.aligned("", rows));
    lines.add(plan.formula());
    lines.add(
        "MFU counts forward and backward; HFU also what is computed twice because graphs do not fit");
    if (timed) {
      lines.add(
          Html.format(
              "times assume an MFU of %s; scoring, saving and preparing come on top",
              Html.percent(plan.hardware().mfu())));
    } else {
      lines.add("no times: --device names the devices to plan for");
    }
  }

  private void tokens() {
    row("", StagePlan::name, "total");
    row("examples", s -> Html.count(s.examples()), total(s -> s.examples(), Html::count));
    row("steps", s -> Html.count(s.steps()), total(s -> s.steps(), Html::count));
    row("batch, on a device at once", s -> s.batchSize() + ", " + s.microBatch(), "");
    row(
        "slots: image + text",
        s -> Html.format("%d + %d (%dpx)", s.imageTokens(), s.textTokens(), s.resolution()),
        "");
    row(
        "slot tokens",
        s -> Html.format("%.4g", s.slotTokens()),
        Html.format("%.4g", sum(StagePlan::slotTokens)));
    row("real tokens", s -> number("%.4g", s.realTokens()), "");
    row("padding", s -> s.paddingShare() == null ? NONE : Html.percent(s.paddingShare()), "");
  }

  private void operations() {
    row("parameters", s -> Html.count(s.parameters()), "");
    row("  trained", s -> Html.count(s.trainedParameters()), "");
    row("operations an example", s -> Amounts.flops(s.flopsAnExample().withoutRecomputation()), "");
    row("  with recomputation", s -> Amounts.flops(s.flopsAnExample().withRecomputation()), "");
    row(
        "operations",
        s -> Amounts.flops(s.flops().withoutRecomputation()),
        Amounts.flops(sum(s -> s.flops().withoutRecomputation())));
    row(
        "  with recomputation",
        s -> Amounts.flops(s.flops().withRecomputation()),
        Amounts.flops(sum(s -> s.flops().withRecomputation())));
  }

  private void memory() {
    row("memory of a device", s -> Amounts.bytes(s.memoryTotal()), "");
    for (Use use : Use.values()) {
      if (stages.stream().anyMatch(s -> s.memoryBytes().getOrDefault(use, 0L) > 0)) {
        row(
            "  " + Amounts.word(use),
            s -> Amounts.bytes(s.memoryBytes().getOrDefault(use, 0L)),
            "");
      }
    }
    if (plan.hardware().memoryBytes() > 0) {
      row(
          "  fits into " + Amounts.bytes(plan.hardware().memoryBytes()),
          s -> Boolean.TRUE.equals(s.fits()) ? "yes" : "NO",
          "");
    }
  }

  private void disk() {
    row("a checkpoint", s -> Amounts.bytes(s.checkpointBytes()), "");
    row(
        "disk while it trains",
        s -> Amounts.bytes(s.diskWhileTraining()),
        Amounts.bytes(plan.diskAtMost()) + " at most");
    row(
        "disk afterwards, exports",
        s -> Amounts.bytes(s.diskKept()) + ", " + Amounts.bytes(s.exportBytes()),
        Amounts.bytes(plan.diskAtTheEnd()));
  }

  private void time() {
    row("images/s from the loaders", s -> number("%,.1f", s.imagesPerSecond()), "");
    row("MFU", s -> percent(s.mfu()), "");
    row("HFU", s -> percent(s.hfu()), "");
    row("time", s -> duration(s.hours()), duration(sum(s -> orZero(s.hours()))));
    row(
        "device-hours",
        s -> number("%,.1f", s.deviceHours()),
        Html.format("%,.1f", sum(s -> orZero(s.deviceHours()))));
    if (plan.hardware().price() > 0) {
      row("cost", s -> number("%,.0f", s.cost()), Html.format("%,.0f", sum(s -> orZero(s.cost()))));
    }
  }

  private void row(String name, Function<StagePlan, String> cell, String total) {
    List<String> row = new ArrayList<>();
    row.add(name);
    stages.forEach(stage -> row.add(Escape.line(cell.apply(stage))));
    row.add(stages.size() > 1 ? total : "");
    rows.add(row);
  }

  private String total(ToDoubleFunction<StagePlan> of, Function<Long, String> write) {
    return write.apply((long) sum(of));
  }

  private double sum(ToDoubleFunction<StagePlan> of) {
    return stages.stream().mapToDouble(of).sum();
  }

  private static double orZero(@Nullable Double value) {
    return value == null ? 0 : value;
  }

  private static String number(String format, @Nullable Double value) {
    return value == null ? NONE : Html.format(format, value);
  }

  private static String percent(@Nullable Double share) {
    return share == null ? NONE : Html.percent(share);
  }

  /** {@code 15.6 h}, {@code 2.9 days}, {@code 4.2 min}. */
  static String duration(@Nullable Double hours) {
    if (hours == null) {
      return NONE;
    }
    double h = Objects.requireNonNull(hours);
    return h >= 48
        ? Html.format("%.1f days", h / 24)
        : h >= 1
            ? Html.format("%.1f h", h)
            : h >= 1 / 60.0 ? Html.format("%.1f min", h * 60) : Html.format("%.1f s", h * 3600);
  }
}
