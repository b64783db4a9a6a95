package dev.palimpsest.configs.binding;

import dev.palimpsest.configs.checks.Suggestion;
import java.util.Map;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * {@code ${...}} in a recipe's strings: the variables given by the caller ({@code ${run}}, {@code
 * ${recipe}}), and {@code ${env:NAME}} or {@code ${env:NAME:-otherwise}} from the environment. A
 * doubled dollar sign before the brace means a literal one: {@code $${run}} is the text {@code
 * ${run}}. An inserted value is not searched again.
 */
final class Variables {
  private static final Pattern REFERENCE = Pattern.compile("\\$(\\$?)\\{([^}]*)\\}?");
  private static final String ENVIRONMENT = "env:";

  private final Map<String, String> given;
  private final Map<String, String> environment;

  Variables(Map<String, String> given, Map<String, String> environment) {
    this.given = given;
    this.environment = environment;
  }

  /** The value that the caller gave to a variable, if any. */
  @Nullable String given(String name) {
    return given.get(name);
  }

  /** The text with values in place of references; mistakes are added to {@code mistakes}. */
  String fillIn(String text, Consumer<String> mistakes) {
    return REFERENCE
        .matcher(text)
        .replaceAll(found -> Matcher.quoteReplacement(value(found.group(), mistakes)));
  }

  /** Escapes a text such that {@link #fillIn} returns it unchanged. */
  static String escape(String text) {
    return text.replace("${", "$${");
  }

  private String value(String reference, Consumer<String> mistakes) {
    if (reference.startsWith("$$")) {
      return reference.substring(1);
    }
    if (!reference.endsWith("}")) {
      mistakes.accept("has '" + reference + "' without its closing brace");
      return "";
    }
    String name = reference.substring(2, reference.length() - 1);
    String value =
        name.startsWith(ENVIRONMENT)
            ? fromEnvironment(name.substring(ENVIRONMENT.length()))
            : given.get(name);
    if (value == null) {
      mistakes.accept(
          name.startsWith(ENVIRONMENT)
              ? "the environment variable "
                  + name.substring(ENVIRONMENT.length())
                  + " is not set; set it, or give a default: ${"
                  + name
                  + ":-value}"
              : "unknown variable "
                  + reference
                  + Suggestion.nearest(name, given.keySet())
                      .map(near -> "; did you mean '${" + near + "}'?")
                      .orElseGet(() -> "; known are " + known()));
      return "";
    }
    return value;
  }

  private @Nullable String fromEnvironment(String reference) {
    int cut = reference.indexOf(":-");
    String value = environment.get(cut < 0 ? reference : reference.substring(0, cut));
    return value != null || cut < 0 ? value : reference.substring(cut + 2);
  }

  private String known() {
    return given.keySet().stream()
            .sorted()
            .map(name -> "${" + name + "}, ")
            .collect(Collectors.joining())
        + "${env:NAME}";
  }
}
