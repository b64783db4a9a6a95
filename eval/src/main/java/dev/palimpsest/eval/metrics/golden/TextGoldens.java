package dev.palimpsest.eval.metrics.golden;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.DoubleNode;
import com.fasterxml.jackson.databind.node.IntNode;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricInputException;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.answers.ExactMatch;
import dev.palimpsest.eval.metrics.answers.RelaxedAccuracy;
import dev.palimpsest.eval.metrics.answers.VqaText;
import dev.palimpsest.eval.metrics.registry.Metrics;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/** Golden numbers of the metrics that compare short answers. */
final class TextGoldens {
  private TextGoldens() {}

  static void vqa(JsonNode file, GoldenComparison comparison) {
    Map<String, String> variants =
        Map.of(
            "official", "vqa:official",
            "official_python2.7", "vqa:official_python2",
            "big_vision", "vqa:big_vision",
            "lmms_eval", "vqa:lmms_eval",
            "vlmevalkit", "vqa:vlmevalkit");
    each(file, variants, "answers", comparison);
    for (JsonNode example : file.path("cases")) {
      String trimmed = VqaText.trimmed(example.path("prediction").asText());
      JsonNode wanted = example.path("normalized");
      comparison.text(
          Metrics.find("vqa:official").id(),
          "cleaned text",
          wanted.path("official_punct_then_digit_article").asText(),
          VqaText.OFFICIAL.normalize(trimmed));
      comparison.text(
          Metrics.find("vqa:official_python2").id(),
          "cleaned text",
          wanted.path("official_python2.7").asText(),
          VqaText.PYTHON2.normalize(trimmed));
    }
    JsonNode aggregate = file.path("aggregate");
    List<MetricRecord> all = records(file, "answers");
    JsonNode percent = aggregate.path("official_percent");
    Map<String, JsonNode> fractions = new LinkedHashMap<>();
    fractions.put("overall", fraction(percent.path("overall")));
    percent
        .path("perAnswerType")
        .properties()
        .forEach(e -> fractions.put(e.getKey(), fraction(e.getValue())));
    MetricResult official = Metrics.find("vqa:official").score(all);
    fractions.forEach(
        (name, expected) -> {
          String own = name.equals("overall") ? "acc" : "acc/" + name.replace("/", "");
          comparison.number(official.metric(), "whole split", expected, valueOf(official, own));
        });
    split(comparison, "vqa:big_vision", aggregate.path("big_vision"), all);
    MetricResult lmms = Metrics.find("vqa:lmms_eval").score(all);
    comparison.number(lmms.metric(), "whole split", aggregate.path("lmms_eval_mean"), lmms.value());
  }

  static void softAccuracy(JsonNode file, GoldenComparison comparison) {
    each(
        file,
        Map.of(
            "textvqa_mmf_official", "vqa_soft:official",
            "textvqa_lmms_eval", "vqa_soft:lmms_eval",
            "okvqa_lmms_eval", "vqa_soft:lmms_eval",
            "vizwiz_lmms_eval", "vqa_soft:lmms_eval",
            "textvqa_big_vision", "vqa:big_vision",
            "stvqa_accuracy_mmf", "exact_match:mmf",
            "stvqa_anls_mmf", "anls:mmf"),
        "answers",
        comparison);
    Map<String, String> names = Map.of("acc", "acc", "acc_any", "acc_any", "anls", "anls");
    for (JsonNode example : file.path("cases")) {
      JsonNode expected = example.path("expected");
      List<MetricRecord> record = List.of(record(example, "answers"));
      comparison.quantities(
          "vqa_soft:big_vision", expected.path("okvqa_vizwiz_aokvqa_big_vision"), names, record);
      comparison.quantities(
          "vqa_soft:big_vision_to_lower",
          expected.path("stvqa_big_vision_to_lower"),
          names,
          record);
      MetricId id = Metrics.find("vqa_soft:official").id();
      comparison.text(
          id,
          "cleaned text",
          example.path("normalized_prediction").asText(),
          VqaText.OFFICIAL.evalAi(example.path("prediction").asText()));
      for (int i = 0; i < example.path("answers").size(); i++) {
        comparison.text(
            id,
            "cleaned text",
            example.path("normalized_answers").path(i).asText(),
            VqaText.OFFICIAL.evalAi(example.path("answers").get(i).asText()));
      }
    }
  }

  static void anls(JsonNode file, GoldenComparison comparison) {
    each(
        file,
        Map.of(
            "big_vision_to_lower", "anls:big_vision",
            "big_vision_case_sensitive", "anls:big_vision_case_sensitive",
            "lmms_eval", "anls:lmms_eval",
            "vlmevalkit", "anls:vlmevalkit",
            "stvqa_mmf", "anls:mmf"),
        "answers",
        comparison);
  }

  static void relaxedAccuracy(JsonNode file, GoldenComparison comparison) {
    each(
        file,
        Map.of("lmms_eval", "chartqa:lmms_eval", "vlmevalkit_stripped", "chartqa:vlmevalkit"),
        "target",
        comparison);
    for (JsonNode example : file.path("cases")) {
      JsonNode expected = example.path("expected");
      comparison.quantities(
          "chartqa:big_vision",
          expected.path("big_vision_to_lower"),
          Map.of("acc", "acc", "relaxed", "relaxed_acc"),
          List.of(record(example, "target")));
      for (String side : List.of("prediction", "target")) {
        OptionalDouble number = RelaxedAccuracy.number(example.path(side).asText());
        JsonNode wanted = expected.path("to_float_" + side);
        MetricId id = Metrics.find("chartqa").id();
        comparison.text(
            id,
            "is a number",
            String.valueOf(GoldenComparison.isNumber(wanted)),
            String.valueOf(number.isPresent()));
        number.ifPresent(value -> comparison.number(id, "number", wanted, value));
      }
    }
    JsonNode aggregate = file.path("aggregate");
    List<MetricRecord> all = records(file, "target");
    MetricResult lmms = Metrics.find("chartqa:lmms_eval").score(all);
    Map.of(
            "lmms_relaxed_overall", "relaxed_acc",
            "lmms_relaxed_human_split", "relaxed_acc/human_test",
            "lmms_relaxed_augmented_split", "relaxed_acc/augmented_test")
        .forEach(
            (golden, own) ->
                comparison.number(
                    lmms.metric(), "whole split", aggregate.path(golden), valueOf(lmms, own)));
    MetricResult bigVision = Metrics.find("chartqa:big_vision").score(all);
    comparison.number(
        bigVision.metric(),
        "whole split",
        aggregate.path("big_vision_relaxed_acc_all"),
        bigVision.value());
  }

  static void aokVqa(JsonNode file, GoldenComparison comparison) {
    List<MetricRecord> choices = new ArrayList<>();
    List<MetricRecord> direct = new ArrayList<>();
    for (JsonNode example : file.path("cases")) {
      String id = example.path("id").asText();
      String right =
          example.path("choices").get(example.path("correct_choice_idx").intValue()).asText();
      List<String> answers = texts(example.path("direct_answers"));
      MetricRecord choice =
          new MetricRecord(id, example.path("mc_prediction").asText(), List.of(right));
      String answer = example.path("da_prediction").asText();
      choices.add(choice);
      direct.add(
          new MetricRecord(
              id,
              answer,
              answers,
              Map.of("difficult_direct_answer", example.path("difficult_direct_answer"))));
      JsonNode expected = example.path("expected");
      comparison.headline("aokvqa_mc:official", expected.path("mc"), List.of(choice));
      comparison.headline(
          "aokvqa_da:official",
          expected.path("da_ignoring_difficult_flag"),
          List.of(new MetricRecord(id, answer, answers)));
    }
    JsonNode aggregate = file.path("aggregate");
    comparison.headline("aokvqa_mc:official", fraction(aggregate.path("mc_percent")), choices);
    // mc_percent_missing_q0: a missing prediction counts as wrong.
    String missing = "mc_percent_missing_";
    for (Map.Entry<String, JsonNode> entry : aggregate.properties()) {
      if (entry.getKey().startsWith(missing)) {
        String id = entry.getKey().substring(missing.length());
        comparison.headline(
            "aokvqa_mc:official",
            fraction(entry.getValue()),
            choices.stream()
                .map(r -> r.id().equals(id) ? new MetricRecord(id, "", r.references()) : r)
                .toList());
      }
    }
    comparison.headline("aokvqa_da:official", fraction(aggregate.path("da_percent")), direct);
  }

  static void exactMatch(JsonNode file, GoldenComparison comparison) {
    List<MetricRecord> counts = new ArrayList<>();
    for (JsonNode example : file.path("cases")) {
      JsonNode expected = example.path("expected");
      MetricRecord record = record(example, "answer");
      List<MetricRecord> one = List.of(record);
      switch (example.path("kind").asText()) {
        case "single_answer" -> {
          comparison.headline("exact_match:big_vision", expected.path("gqa_big_vision"), one);
          comparison.headline(
              "exact_match:big_vision_to_lower", expected.path("ocrvqa_big_vision_to_lower"), one);
          comparison.headline(
              "exact_match:lmms_eval", expected.path("lmms_exact_match_ignore_case_punct"), one);
          comparison.headline(
              "exact_match:lmms_eval_plain", expected.path("lmms_exact_match_plain"), one);
          comparison.headline("exact_match:vlmevalkit", expected.path("vlmevalkit_accuracy"), one);
          comparison.headline("exact_match:mmf", expected.path("evalai_processed_in_answers"), one);
        }
        case "tallyqa" -> {
          JsonNode wanted =
              expected.has("without_crash")
                  ? expected.path("without_crash")
                  : expected.path("big_vision");
          comparison.headline("tallyqa:big_vision", wanted, one);
          if (!expected.has("without_crash")) {
            counts.add(record);
          }
        }
        case "scienceqa_big_vision" ->
            comparison.quantities(
                "scienceqa:big_vision",
                expected,
                Map.of("acc", "acc", "parsefail", "parsefail"),
                one);
        case "scienceqa_lmms" ->
            comparison.headline("scienceqa:lmms_eval", expected.path("exact_match"), one);
        case "ai2d_lmms_letter" -> {
          comparison.headline("ai2d:lmms_eval", expected.path("exact_match"), one);
          comparison.text(
              Metrics.find("ai2d:lmms_eval").id(),
              "option letter",
              expected.path("filtered").asText(),
              ExactMatch.optionLetter(record.prediction()));
        }
        case "pope_big_vision" ->
            comparison.quantities(
                "pope:big_vision", expected, Map.of("acc", "acc", "valid", "valid_percent"), one);
        case "nlvr2_marvl_big_vision" ->
            comparison.headline("nlvr2:big_vision", expected.path("acc"), one);
        case "activitynetqa_msvdqa_big_vision" ->
            comparison.headline("exact_match:big_vision", expected.path("acc"), one);
        default ->
            throw new MetricInputException(
                "case " + record.id() + ": unknown kind " + example.path("kind"));
      }
    }
    JsonNode tally = file.path("aggregate").path("tallyqa_big_vision_gold_le_15_only");
    if (!counts.isEmpty()) {
      split(comparison, "tallyqa:big_vision", tally, counts);
    }
  }

  /** Each case by itself, in every variant for which it has an expectation. */
  private static void each(
      JsonNode file, Map<String, String> variants, String references, GoldenComparison comparison) {
    for (JsonNode example : file.path("cases")) {
      List<MetricRecord> one = List.of(record(example, references));
      variants.entrySet().stream()
          .sorted(Map.Entry.comparingByKey())
          .forEach(
              v ->
                  comparison.headline(
                      v.getValue(), example.path("expected").path(v.getKey()), one));
    }
  }

  /** All records together, compared with every number of an aggregate. */
  private static void split(
      GoldenComparison comparison, String metric, JsonNode aggregate, List<MetricRecord> records) {
    MetricResult result = Metrics.find(metric).score(records);
    aggregate
        .properties()
        .forEach(
            e -> {
              String own = e.getKey();
              double value = own.equals("num") ? result.n() : valueOf(result, own);
              comparison.number(result.metric(), "whole split", e.getValue(), value);
            });
  }

  private static double valueOf(MetricResult result, String quantity) {
    return result.values().getOrDefault(quantity, Double.NaN);
  }

  private static JsonNode fraction(JsonNode percent) {
    return percent.isNumber() ? DoubleNode.valueOf(percent.doubleValue() / 100) : percent;
  }

  private static List<MetricRecord> records(JsonNode file, String references) {
    List<MetricRecord> records = new ArrayList<>();
    file.path("cases").forEach(c -> records.add(record(c, references)));
    return records;
  }

  private static MetricRecord record(JsonNode example, String references) {
    JsonNode wanted = example.path(references);
    Map<String, JsonNode> fields = new HashMap<>();
    for (String field : List.of("answer_type", "type", "issimple")) {
      if (example.hasNonNull(field)) {
        fields.put(field, example.path(field));
      }
    }
    if (example.has("answer_index")) {
      fields.put("answer_index", IntNode.valueOf(example.path("answer_index").intValue()));
    }
    return new MetricRecord(
        example.path("id").asText(),
        example.path("prediction").asText(),
        wanted.isArray()
            ? texts(wanted)
            : wanted.isValueNode() ? List.of(wanted.asText()) : List.of(),
        fields);
  }

  static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(t -> texts.add(t.asText()));
    return texts;
  }
}
