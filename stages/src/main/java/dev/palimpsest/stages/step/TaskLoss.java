package dev.palimpsest.stages.step;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The examples of one task in a step.
 *
 * @param examples how many
 * @param loss mean over them of the mean over each one's supervised tokens
 * @param tokens supervised tokens of all of them
 */
public record TaskLoss(int examples, double loss, long tokens) {
  /** By task; ids begin with the task's name and a slash, and those without one are left out. */
  static Map<String, TaskLoss> of(List<TrainStep.Part> parts) {
    Map<String, TaskLoss> tasks = new TreeMap<>();
    for (TrainStep.Part part : parts) {
      for (int i = 0; i < part.ids().size(); i++) {
        String id = part.ids().get(i);
        int slash = id.indexOf('/');
        if (slash > 0) {
          tasks.merge(
              id.substring(0, slash),
              new TaskLoss(1, part.losses()[i], part.supervisedTokens()[i]),
              TaskLoss::and);
        }
      }
    }
    return tasks;
  }

  private TaskLoss and(TaskLoss other) {
    int n = examples + other.examples;
    return new TaskLoss(
        n, (loss * examples + other.loss * other.examples) / n, tokens + other.tokens);
  }
}
