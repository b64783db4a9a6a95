package dev.palimpsest.mixtures.tasks;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.mixtures.codecs.BoundingBox;
import dev.palimpsest.mixtures.order.Draw;
import dev.palimpsest.mixtures.sources.Fields;
import dev.palimpsest.mixtures.text.TextBudget;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Reading text in pictures. */
final class Recognition {
  private Recognition() {}

  /** A text and its position. */
  private record Print(String text, BoundingBox box) {}

  static Example ocr(TaskType.Ocr type, TaskContext context, TextBudget budget) {
    List<String> texts = texts(context);
    if (!type.all() && !context.draw().isInOrder()) {
      texts = fitting(texts, context.draw().of("snippets"), budget);
    }
    return context.example("ocr", String.join(" ", texts));
  }

  /**
   * Leaves out as few texts as possible, in random order; if all would be left out, those that do
   * not even fit by themselves are left out first.
   */
  private static List<String> fitting(List<String> texts, Draw draw, TextBudget budget) {
    List<Integer> leaving = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      leaving.add(i);
    }
    leaving = draw.shuffled(leaving);
    int fewest = 0;
    int most = texts.size();
    while (fewest < most) {
      int middle = (fewest + most) / 2;
      if (budget.fits("ocr", String.join(" ", without(texts, leaving.subList(0, middle))))) {
        most = middle;
      } else {
        fewest = middle + 1;
      }
    }
    if (fewest < texts.size() || texts.isEmpty()) {
      return without(texts, leaving.subList(0, fewest));
    }
    List<String> fitting = texts.stream().filter(text -> budget.fits("ocr", text)).toList();
    // The last one removed does not fit, so that this ends. A single text is truncated like any
    // target.
    return fitting.isEmpty()
        ? List.of(texts.get(leaving.get(leaving.size() - 1)))
        : fitting(fitting, draw, budget);
  }

  private static List<String> without(List<String> texts, List<Integer> left) {
    boolean[] out = new boolean[texts.size()];
    left.forEach(i -> out[i] = true);
    List<String> rest = new ArrayList<>();
    for (int i = 0; i < out.length; i++) {
      if (!out[i]) {
        rest.add(texts.get(i));
      }
    }
    return rest;
  }

  private static List<String> texts(TaskContext context) {
    Fields row = context.row();
    List<String> plain = new ArrayList<>();
    List<Print> placed = new ArrayList<>();
    for (JsonNode node : row.list("texts")) {
      if (node.isTextual()) {
        plain.add(node.textValue());
        continue;
      }
      String text = row.text("texts.text", node.path("text"));
      Optional<BoundingBox> box = VisibleBox.of(row.box("texts", node.path("box")), context.view());
      box.ifPresent(seen -> placed.add(new Print(text, seen)));
    }
    if (!plain.isEmpty() && !placed.isEmpty()) {
      throw row.bad(row.named("texts") + " must have boxes for all texts or for none");
    }
    return placed.isEmpty() ? plain : raster(placed);
  }

  private static List<String> raster(List<Print> prints) {
    List<Print> waiting = new ArrayList<>(prints);
    waiting.sort(Comparator.comparingDouble(print -> print.box.top()));
    List<String> texts = new ArrayList<>();
    while (!waiting.isEmpty()) {
      BoundingBox first = waiting.get(0).box;
      List<Print> line =
          waiting.stream()
              .filter(print -> (print.box.top() + print.box.bottom()) / 2 <= first.bottom())
              .filter(print -> (print.box.top() + print.box.bottom()) / 2 >= first.top())
              .sorted(Comparator.comparingDouble(print -> print.box.left()))
              .collect(Collectors.toCollection(ArrayList::new));
      line.forEach(print -> texts.add(print.text));
      waiting.removeAll(line);
    }
    return texts;
  }
}
