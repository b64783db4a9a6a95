package dev.palimpsest.mixtures.tasks;

import dev.palimpsest.configs.TaskType;
import dev.palimpsest.mixtures.order.Draw;
import java.util.List;

/** Questions that people asked, and their answers. */
final class Answering {
  private Answering() {}

  static Example answer(TaskType.Answer type, Visit visit) {
    Draw draw = visit.draw().of("language");
    Spoken question = Spoken.of(visit, "question", type.language(), type.languages(), draw);
    List<String> answers = visit.row().texts("answers");
    return visit.example(
        "answer %s %s".formatted(type.language(), visit.one(question.texts())),
        visit.one(answers),
        answers);
  }

  static Example question(TaskType.Question type, Visit visit) {
    Draw draw = visit.draw().of("language");
    Spoken question = Spoken.of(visit, "question", type.language(), type.languages(), draw);
    String answer = visit.one(visit.row().texts("answers"));
    return visit.example(
        "question %s %s".formatted(question.language(), answer),
        visit.one(question.texts()),
        question.texts());
  }
}
