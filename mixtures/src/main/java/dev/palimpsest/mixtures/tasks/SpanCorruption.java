package dev.palimpsest.mixtures.tasks;

import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.mixtures.order.Draw;
import dev.palimpsest.mixtures.sources.Fields;
import dev.palimpsest.mixtures.text.TextBudget;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * T5's span corruption (arXiv 1910.10683, section 3.1.4) over words: kept and missing spans
 * alternate, starting with a kept one, and their lengths are drawn as random partitions.
 */
final class SpanCorruption {
  /** The factor by which a window that does not fit is shortened. */
  private static final double SHRINKING = 0.85;

  private SpanCorruption() {}

  static Example example(TaskType.SpanCorruption type, TaskContext context, TextBudget budget) {
    Fields row = context.row();
    List<String> words = List.of(row.text("text").strip().split("\\s+"));
    if (words.size() < 2) {
      throw row.bad(row.named("text") + " must have two words or more");
    }
    // A word has at least one token.
    int length = Math.min(words.size(), Math.max(2, budget.textTokens()));
    while (true) {
      int from = context.draw().of("window").below(words.size() - length + 1);
      Corrupted text =
          corrupt(type, words.subList(from, from + length), context.draw().of("spans"));
      if (length == 2 || budget.fits(text.prompt, text.target)) {
        return new Example(
            row.row().id(), List.of(), text.prompt, text.target, List.of(text.target));
      }
      length = Math.max(2, (int) (length * SHRINKING));
    }
  }

  private record Corrupted(String prompt, String target) {}

  private static Corrupted corrupt(TaskType.SpanCorruption type, List<String> words, Draw draw) {
    int length = words.size();
    int missing = (int) Math.max(1, Math.min(length - 1, Math.rint(length * type.share())));
    int spans = (int) Math.max(1, Math.rint(missing / type.meanLength()));
    spans = Math.min(spans, Math.min(missing, length - missing));
    int[] gaps = partition(missing, spans, draw);
    int[] kept = partition(length - missing, spans, draw);
    List<String> prompt = new ArrayList<>();
    List<String> target = new ArrayList<>();
    int at = 0;
    for (int span = 0; span < spans; span++) {
      String sentinel = Sentinels.at(type.sentinel(), span);
      prompt.addAll(words.subList(at, at + kept[span]));
      prompt.add(sentinel);
      at += kept[span];
      target.add(sentinel);
      target.addAll(words.subList(at, at + gaps[span]));
      at += gaps[span];
    }
    target.add(Sentinels.at(type.sentinel(), spans));
    return new Corrupted(String.join(" ", prompt), String.join(" ", target));
  }

  /** Positive integers with a given sum; every such list is equally likely. */
  private static int[] partition(int sum, int parts, Draw draw) {
    List<Integer> cuts = new ArrayList<>(IntStream.range(1, sum).boxed().toList());
    int[] ends =
        draw.shuffled(cuts).stream()
            .limit(parts - 1L)
            .mapToInt(Integer::intValue)
            .sorted()
            .toArray();
    int[] lengths = new int[parts];
    int from = 0;
    for (int part = 0; part < parts; part++) {
      int end = part < ends.length ? ends[part] : sum;
      lengths[part] = end - from;
      from = end;
    }
    return lengths;
  }
}
