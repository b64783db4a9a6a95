package dev.palimpsest.eval.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** A text that contains {@code {fields}}. */
final class PromptTemplate {
  private static final Pattern FIELD = Pattern.compile("\\{([A-Za-z_]+)\\}");

  private final String template;
  private final String choiceSeparator;

  PromptTemplate(String template, String choiceSeparator) {
    this.template = template;
    this.choiceSeparator = choiceSeparator;
  }

  /**
   * Fills in an example's fields. Inserted text is not searched for fields again.
   *
   * @throws BenchmarkFormatException when the example lacks a field
   */
  String of(BenchmarkExample example) {
    return FIELD
        .matcher(template)
        .replaceAll(match -> Matcher.quoteReplacement(value(match.group(1), example)));
  }

  /** The names in braces. */
  List<String> names() {
    return FIELD.matcher(template).results().map(match -> match.group(1)).toList();
  }

  private String value(String field, BenchmarkExample example) {
    return switch (field) {
      case "question" -> example.question();
      case "choices" -> String.join(choiceSeparator, choices(example));
      case "letteredChoices" -> lettered(choices(example));
      // ScienceQA's authors, and big_vision like them, write this if there is no context.
      case "hint" -> {
        String hint = required(field, example).asText();
        yield hint.isEmpty() ? "N/A" : hint;
      }
      case "letter" -> Character.toString('A' + required("answer_index", example).asInt());
      default -> required(field, example).asText();
    };
  }

  private static List<String> choices(BenchmarkExample example) {
    List<String> choices = new ArrayList<>();
    required("choices", example).forEach(choice -> choices.add(choice.asText()));
    return choices;
  }

  private static String lettered(List<String> choices) {
    List<String> lettered = new ArrayList<>();
    for (String choice : choices) {
      lettered.add("(" + (char) ('A' + lettered.size()) + ") " + choice);
    }
    return lettered.stream().collect(Collectors.joining(", "));
  }

  private static JsonNode required(String field, BenchmarkExample example) {
    JsonNode node = example.fields().get(field);
    if (node == null || node.isNull()) {
      throw new BenchmarkFormatException(
          "example %s has no field \"%s\", which the template names; it has %s"
              .formatted(example.id(), field, example.fields().keySet()));
    }
    return node;
  }
}
