package dev.palimpsest.mixtures.tasks;

import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.mixtures.order.Draw;
import java.util.List;

/** Questions asked by people, and their answers. */
final class Answering {
  private Answering() {}

  static Example answer(TaskType.Answer type, TaskContext context) {
    Draw draw = context.draw().of("language");
    LocalizedText question =
        LocalizedText.of(context, "question", type.language(), type.languages(), draw);
    List<String> answers = context.row().texts("answers");
    return context.example(
        "answer %s %s".formatted(type.language(), context.one(question.texts())),
        context.one(answers),
        answers);
  }

  static Example question(TaskType.Question type, TaskContext context) {
    Draw draw = context.draw().of("language");
    LocalizedText question =
        LocalizedText.of(context, "question", type.language(), type.languages(), draw);
    String answer = context.one(context.row().texts("answers"));
    return context.example(
        "question %s %s".formatted(question.language(), answer),
        context.one(question.texts()),
        question.texts());
  }
}
