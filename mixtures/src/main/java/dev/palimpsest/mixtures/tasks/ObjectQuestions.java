package dev.palimpsest.mixtures.tasks;

import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.mixtures.order.Draw;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Questions made by rule from annotated objects (PaliGemma, section 3.2.5). */
final class ObjectQuestions {
  private static final String NOTHING = "none";

  private ObjectQuestions() {}

  private enum Form {
    LIST,
    PRESENCE,
    SUBSET,
    COUNTING
  }

  static Example example(
      TaskType.ObjectQuestions type, TaskContext context, NegativeLabels negativeLabels) {
    Map<String, Integer> counts = new LinkedHashMap<>();
    List<String> crowds = new ArrayList<>();
    for (AnnotatedObject object : AnnotatedObject.seen(context)) {
      counts.merge(object.label(), 1, Integer::sum);
      if (object.crowd()) {
        crowds.add(object.label());
      }
    }
    List<String> present = new ArrayList<>(counts.keySet());
    List<String> absent = negativeLabels.of(context.row(), context.draw().of("absent"));
    counts.keySet().removeAll(crowds);
    Draw draw = context.draw().of("question");
    Form form =
        Form.values()[
            draw.weighted(List.of(type.list(), type.presence(), type.subset(), type.counting()))];
    if (form == Form.COUNTING && counts.isEmpty()) {
      form = Form.PRESENCE; // nothing can be counted
    }
    if (form != Form.LIST && present.isEmpty() && absent.isEmpty()) {
      form = Form.LIST; // nothing can be named
    }
    return switch (form) {
      case LIST -> answered(context, "What objects are in the image?", present);
      case PRESENCE -> presence(context, present, absent, draw);
      case SUBSET -> subset(context, type.subsetThings(), present, absent, draw);
      case COUNTING -> {
        String thing = draw.one(List.copyOf(counts.keySet()));
        yield context.example(
            "answer en How many " + thing + "?", String.valueOf(counts.get(thing)));
      }
    };
  }

  private static Example answered(TaskContext context, String question, List<String> things) {
    return context.example(
        "answer en " + question, things.isEmpty() ? NOTHING : String.join(", ", things));
  }

  private static Example presence(
      TaskContext context, List<String> present, List<String> absent, Draw draw) {
    // Scoring takes turns, so that one answer to everything is right half of the time at most.
    boolean turn = draw.isInOrder() ? context.index() % 2 == 1 : draw.chance(0.5);
    boolean missing = present.isEmpty() || (!absent.isEmpty() && turn);
    String thing = missing ? absent.get(0) : draw.one(present);
    return context.example("answer en Is " + thing + " in the image?", missing ? "no" : "yes");
  }

  private static Example subset(
      TaskContext context, int most, List<String> present, List<String> absent, Draw draw) {
    int things = Math.min(2 + draw.below(most - 1), present.size() + absent.size());
    int missing = 0;
    for (int i = 0; i < things; i++) {
      missing += draw.chance(0.5) ? 1 : 0;
    }
    missing = Math.min(absent.size(), Math.max(missing, things - present.size()));
    List<String> asked = new ArrayList<>(draw.shuffled(present).subList(0, things - missing));
    asked.addAll(absent.subList(0, missing));
    asked = draw.shuffled(asked);
    return answered(
        context,
        "Which of " + String.join(", ", asked) + " are in the image?",
        asked.stream().filter(present::contains).toList());
  }
}
