package dev.palimpsest.mixtures.tasks;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.mixtures.codecs.BoundingBox;
import dev.palimpsest.mixtures.codecs.LocationTokens;
import dev.palimpsest.mixtures.images.ImageSteps;
import dev.palimpsest.mixtures.images.Outline;
import dev.palimpsest.mixtures.order.Draw;
import dev.palimpsest.mixtures.sources.Fields;
import java.util.ArrayList;
import java.util.List;

/** Captions, continuations of captions, and captions of regions. */
final class Captioning {
  private Captioning() {}

  static Example caption(TaskType.Caption type, TaskContext context) {
    Draw draw = context.draw().of("language");
    LocalizedText captions =
        LocalizedText.of(context, "captions", type.language(), type.languages(), draw);
    return context.example(
        "caption " + captions.language(), context.one(captions.texts()), captions.texts());
  }

  /** PaLI (arXiv 2209.06794), section 3.2. */
  static Example split(TaskType.SplitCaption type, TaskContext context) {
    Draw draw = context.draw().of("language");
    LocalizedText captions =
        LocalizedText.of(context, "captions", type.language(), type.languages(), draw);
    List<String> words = List.of(context.one(captions.texts()).strip().split("\\s+"));
    int seen = words.size() == 1 ? 0 : 1 + context.draw().of("split").below(words.size() - 1);
    String prompt =
        "Generate the alt_text in %s at %d: %s"
            .formatted(
                captions.language(), words.size() - seen, String.join(" ", words.subList(0, seen)));
    return context.example(
        prompt.strip() + " " + Sentinels.at(type.sentinel(), 0),
        String.join(" ", words.subList(seen, words.size())));
  }

  static Example grounded(TaskType.GroundedCaption type, TaskContext context) {
    Fields row = context.row();
    List<Example> regions = new ArrayList<>();
    for (JsonNode region : row.list("regions")) {
      BoundingBox box = row.box("regions", region.path("box"));
      VisibleBox.of(box, context.view())
          .ifPresent(
              seen ->
                  regions.add(
                      shown(
                          type,
                          seen,
                          row.text("regions.caption", region.path("caption")),
                          context)));
    }
    if (regions.isEmpty()) {
      throw row.bad("it has no visible region");
    }
    return context.one(regions);
  }

  private static Example shown(
      TaskType.GroundedCaption type, BoundingBox box, String caption, TaskContext context) {
    return type.box() == TaskType.GroundedCaption.Box.PIXELS
        ? context.example("caption", caption).with(ImageSteps.outlined(Outline.of(box)))
        : context.example("caption " + LocationTokens.encode(box), caption);
  }
}
