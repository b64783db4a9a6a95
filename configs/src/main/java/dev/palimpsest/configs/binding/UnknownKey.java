package dev.palimpsest.configs.binding;

import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.checks.ForeignNames;
import dev.palimpsest.configs.checks.Suggestion;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.Collection;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What to write in place of a key that a record does not have: a name that is nearly the same, the
 * name that it has here if another trainer calls it so, or the place where it belongs.
 */
final class UnknownKey {
  private static final Set<String> OF_STAGES = components(StageConfig.class);
  private static final Set<String> OF_RECIPES = components(PipelineConfig.class);

  private UnknownKey() {}

  /**
   * The end of a message.
   *
   * @param record in which the key was written
   * @param known the keys that it has
   */
  static String suggestion(String key, Class<?> record, Collection<String> known) {
    String plain = key.replace("_", "").replace("-", "");
    Optional<String> spelt = known.stream().filter(plain::equalsIgnoreCase).findFirst();
    if (spelt.isPresent()) {
      return "; did you mean '" + spelt.get() + "'?";
    }
    Optional<ForeignNames.Ours> foreign = ForeignNames.ours(key);
    if (foreign.isPresent()) {
      ForeignNames.Ours ours = foreign.get();
      return ours.key().isEmpty()
          ? "; there is no such setting: " + ours.help()
          : "; did you mean '%s'%s?"
              .formatted(
                  placed(ours.key(), record, known),
                  ours.help().isEmpty() ? "" : ", " + ours.help());
    }
    String elsewhere = placed(key, record, known);
    if (!elsewhere.equals(key)) {
      return "; did you mean '" + elsewhere + "'?";
    }
    return OF_RECIPES.contains(key) && record == StageConfig.class
        ? "; it is a key of the whole recipe, beside 'stages'"
        : Suggestion.among(key, known);
  }

  /** The path of a key of stages, as far as it has to be written in a record. */
  private static String placed(String path, Class<?> record, Collection<String> known) {
    boolean outside = record == PipelineConfig.class;
    String first = path.split("\\.", 2)[0];
    String last = path.substring(path.lastIndexOf('.') + 1);
    if (outside) {
      return OF_STAGES.contains(first) && !OF_RECIPES.contains(first)
          ? "stages.NAME." + path
          : path;
    }
    return record != StageConfig.class && known.contains(last) ? last : path;
  }

  private static Set<String> components(Class<?> record) {
    return Arrays.stream(record.getRecordComponents())
        .map(RecordComponent::getName)
        .collect(Collectors.toUnmodifiableSet());
  }
}
