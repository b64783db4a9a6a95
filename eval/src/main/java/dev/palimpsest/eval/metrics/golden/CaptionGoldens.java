package dev.palimpsest.eval.metrics.golden;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.captions.Bleu;
import dev.palimpsest.eval.metrics.captions.Captions;
import dev.palimpsest.eval.metrics.captions.Cider;
import dev.palimpsest.eval.metrics.captions.NgramIndex;
import dev.palimpsest.eval.metrics.captions.PtbTokenizer;
import dev.palimpsest.eval.metrics.captions.RougeL;
import dev.palimpsest.eval.metrics.registry.Metrics;
import java.util.ArrayList;
import java.util.List;

/** Golden tokens and caption scores. */
final class CaptionGoldens {
  private static final MetricId TOKENIZER = new MetricId("ptb_tokenizer", "official", 1);

  private CaptionGoldens() {}

  static void tokens(JsonNode file, GoldenComparison comparison) {
    List<String> texts = new ArrayList<>();
    file.path("cases").forEach(example -> texts.add(example.path("text").asText()));
    List<String> captions = new PtbTokenizer().captions(texts);
    int i = 0;
    for (JsonNode example : file.path("cases")) {
      comparison.text(TOKENIZER, "caption", example.path("tokens").asText(), captions.get(i++));
    }
  }

  static void captions(JsonNode file, GoldenComparison comparison) {
    for (JsonNode corpus : file.path("cases")) {
      List<MetricRecord> records = new ArrayList<>();
      for (JsonNode image : corpus.path("images")) {
        records.add(
            new MetricRecord(
                image.path("image_id").asText(),
                image.path("caption").asText(),
                TextGoldens.texts(image.path("references"))));
      }
      MetricResult result = Metrics.find("coco_caption").score(records);
      corpus
          .path("expected")
          .properties()
          .forEach(
              e ->
                  comparison.number(
                      result.metric(),
                      e.getKey() + " of the corpus",
                      e.getValue(),
                      result.values().getOrDefault(e.getKey(), Double.NaN)));
      Captions captions = Captions.of(result.metric(), records);
      tokens(corpus.path("tokenized"), captions, comparison);
      images(corpus.path("expected_per_image"), captions, result.metric(), comparison);
    }
  }

  private static void tokens(JsonNode tokenized, Captions captions, GoldenComparison comparison) {
    for (Captions.Item item : captions.items()) {
      comparison.text(
          TOKENIZER, "caption", tokenized.path("caption").path(item.id()).asText(), item.caption());
      List<String> wanted = TextGoldens.texts(tokenized.path("references").path(item.id()));
      for (int i = 0; i < wanted.size(); i++) {
        comparison.text(TOKENIZER, "caption", wanted.get(i), item.references().get(i));
      }
    }
  }

  private static void images(
      JsonNode expected, Captions captions, MetricId metric, GoldenComparison comparison) {
    double[] cider = Cider.scores(captions);
    double[] rouge = RougeL.scores(captions);
    Bleu bleu = new Bleu(captions);
    List<String> ids = captions.items().stream().map(Captions.Item::id).toList();
    for (JsonNode image : expected) {
      int i = ids.indexOf(image.path("image_id").asText());
      comparison.number(metric, "CIDEr of an image", image.path("CIDEr"), cider[i]);
      comparison.number(metric, "ROUGE_L of an image", image.path("ROUGE_L"), rouge[i]);
      for (int n = 1; n <= NgramIndex.ORDERS; n++) {
        comparison.number(
            metric, "Bleu_" + n + " of an image", image.path("Bleu_" + n), bleu.image(n, i));
      }
    }
  }
}
