package dev.palimpsest.mixtures.tasks;

import dev.palimpsest.configs.TaskType;
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

  static Example example(TaskType.ObjectQuestions type, Visit visit, AbsentThings absentThings) {
    Map<String, Integer> counts = new LinkedHashMap<>();
    List<String> crowds = new ArrayList<>();
    for (AnnotatedObject object : AnnotatedObject.seen(visit)) {
      counts.merge(object.label(), 1, Integer::sum);
      if (object.crowd()) {
        crowds.add(object.label());
      }
    }
    List<String> present = new ArrayList<>(counts.keySet());
    List<String> absent = absentThings.of(visit.row(), visit.draw().of("absent"));
    counts.keySet().removeAll(crowds);
    Draw draw = visit.draw().of("question");
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
      case LIST -> answered(visit, "What objects are in the image?", present);
      case PRESENCE -> presence(visit, present, absent, draw);
      case SUBSET -> subset(visit, type.subsetThings(), present, absent, draw);
      case COUNTING -> {
        String thing = draw.one(List.copyOf(counts.keySet()));
        yield visit.example("answer en How many " + thing + "?", String.valueOf(counts.get(thing)));
      }
    };
  }

  private static Example answered(Visit visit, String question, List<String> things) {
    return visit.example(
        "answer en " + question, things.isEmpty() ? NOTHING : String.join(", ", things));
  }

  private static Example presence(
      Visit visit, List<String> present, List<String> absent, Draw draw) {
    // Scoring takes turns, so that one answer to everything is right half of the time at most.
    boolean turn = draw.isInOrder() ? visit.index() % 2 == 1 : draw.chance(0.5);
    boolean missing = present.isEmpty() || (!absent.isEmpty() && turn);
    String thing = missing ? absent.get(0) : draw.one(present);
    return visit.example("answer en Is " + thing + " in the image?", missing ? "no" : "yes");
  }

  private static Example subset(
      Visit visit, int most, List<String> present, List<String> absent, Draw draw) {
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
        visit,
        "Which of " + String.join(", ", asked) + " are in the image?",
        asked.stream().filter(present::contains).toList());
  }
}
