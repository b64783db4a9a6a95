package dev.palimpsest.cli.ablation;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.cli.ablation.AblationTable.TaskValue;
import dev.palimpsest.cli.ablation.AblationTable.Tested;
import dev.palimpsest.cli.ablation.AblationTable.Variant;
import dev.palimpsest.cli.ablation.AblationTable.Verdict;
import dev.palimpsest.files.Json;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** An ablation's outcome for programs. */
final class AblationJson {
  private AblationJson() {}

  /** {@code table.json}. */
  static String of(AblationTable table) {
    Ablation ablation = table.ablation();
    ObjectNode root = Json.STRICT.createObjectNode();
    root.put("ablation", ablation.config().name());
    root.put("scale", ablation.scaleName());
    root.put("question", ablation.config().question());
    root.put("source", ablation.config().source());
    root.put("outcome", ablation.config().outcome());
    ablation.choice().sets().forEach(root.putArray("set")::add);
    root.put("metric", table.metric());
    root.put("lowerIsBetter", ablation.scale().lowerIsBetter());
    Map<String, Map<String, TaskValue>> byTask = table.byTask();
    ArrayNode all = root.putArray("variants");
    for (Variant variant : table.variants()) {
      ObjectNode node = all.addObject();
      node.put("name", variant.name());
      ObjectNode seeds = node.putObject("seeds");
      variant
          .values()
          .forEach(
              (seed, measured) -> {
                ObjectNode one = seeds.putObject(Long.toString(seed));
                one.put("value", measured.value());
                measured.tasks().forEach(one.putObject("tasks")::put);
              });
      node.put("mean", variant.mean());
      put(node, "deviation", variant.deviation());
      if (variant.difference() != null) {
        put(node.putObject("difference"), variant.difference());
      }
      ObjectNode tasks = node.putObject("tasks");
      byTask.forEach(
          (task, values) -> {
            TaskValue value = Objects.requireNonNull(values.get(variant.name()));
            ObjectNode one = tasks.putObject(task);
            one.put("mean", value.mean());
            if (value.difference() != null) {
              put(one.putObject("difference"), value.difference());
            }
          });
    }
    ArrayNode judged = root.putArray("expected");
    for (Verdict verdict : table.verdicts()) {
      ObjectNode node = judged.addObject();
      node.put("variant", verdict.expected().variant());
      node.put("is", verdict.expected().is().name().toLowerCase(Locale.ROOT));
      node.put("than", verdict.expected().than());
      node.put("outcome", verdict.outcome().name().toLowerCase(Locale.ROOT));
      put(node, verdict.tested());
    }
    table.failed().forEach(root.putArray("failed")::add);
    return Json.indented(root);
  }

  private static void put(ObjectNode node, Tested tested) {
    node.put("difference", tested.paired().difference());
    put(node, "standardError", tested.paired().standardError());
    put(node, "p", tested.paired().p());
    node.put("over", tested.by().words);
    node.put("pairs", tested.pairs());
  }

  /** What is not defined is left out. */
  private static void put(ObjectNode node, String name, double value) {
    if (Double.isFinite(value)) {
      node.put(name, value);
    }
  }
}
