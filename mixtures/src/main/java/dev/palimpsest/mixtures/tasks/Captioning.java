package dev.palimpsest.mixtures.tasks;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.TaskType;
import dev.palimpsest.mixtures.codecs.BoundingBox;
import dev.palimpsest.mixtures.codecs.LocationTokens;
import dev.palimpsest.mixtures.order.Draw;
import dev.palimpsest.mixtures.sources.Fields;
import java.util.ArrayList;
import java.util.List;

/** Captions, their rest, and captions of regions. */
final class Captioning {
  private Captioning() {}

  static Example caption(TaskType.Caption type, Visit visit) {
    Draw draw = visit.draw().of("language");
    Spoken captions = Spoken.of(visit, "captions", type.language(), type.languages(), draw);
    return visit.example(
        "caption " + captions.language(), visit.one(captions.texts()), captions.texts());
  }

  /** PaLI (arXiv 2209.06794), section 3.2. */
  static Example split(TaskType.SplitCaption type, Visit visit) {
    Draw draw = visit.draw().of("language");
    Spoken captions = Spoken.of(visit, "captions", type.language(), type.languages(), draw);
    List<String> words = List.of(visit.one(captions.texts()).strip().split("\\s+"));
    int seen = words.size() == 1 ? 0 : 1 + visit.draw().of("split").below(words.size() - 1);
    String prompt =
        "Generate the alt_text in %s at %d: %s"
            .formatted(
                captions.language(), words.size() - seen, String.join(" ", words.subList(0, seen)));
    return visit.example(
        prompt.strip() + " " + Sentinels.at(type.sentinel(), 0),
        String.join(" ", words.subList(seen, words.size())));
  }

  static Example grounded(Visit visit) {
    Fields row = visit.row();
    List<Example> regions = new ArrayList<>();
    for (JsonNode region : row.list("regions")) {
      BoundingBox box = row.box("regions", region.path("box"));
      Seen.of(box, visit.view())
          .ifPresent(
              seen ->
                  regions.add(
                      visit.example(
                          "caption " + LocationTokens.encode(seen),
                          row.text("regions.caption", region.path("caption")))));
    }
    if (regions.isEmpty()) {
      throw row.bad("it has no region that is seen");
    }
    return visit.one(regions);
  }
}
