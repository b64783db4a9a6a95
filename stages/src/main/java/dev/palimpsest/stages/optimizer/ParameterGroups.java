package dev.palimpsest.stages.optimizer;

import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.ParameterGroupConfig;
import dev.palimpsest.configs.ScheduleConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Which parameters share a learning rate. A pattern must match the whole name, as in big_vision
 * (utils.py, make_mask_trees). There the first pattern that matches wins; here it is an error if
 * two match, so that the order in which groups are written means nothing.
 */
public final class ParameterGroups {
  private final List<Group> groups;
  private final Map<String, Group> byName;

  private ParameterGroups(List<Group> groups, Map<String, Group> byName) {
    this.groups = groups;
    this.byName = byName;
  }

  /**
   * Assigns parameters to groups.
   *
   * @param names all parameters, in order
   * @param totalExamples where schedules end
   * @throws InvalidConfigException when a parameter matches two groups, or a group has no
   *     parameters
   */
  public static ParameterGroups of(
      OptimizerConfig config, Collection<String> names, long totalExamples) {
    Pattern decay = Pattern.compile(config.weightDecayPattern());
    Map<String, Pattern> patterns = new LinkedHashMap<>();
    Map<String, List<Member>> members = new LinkedHashMap<>();
    for (String name : config.groups().keySet()) {
      if (!name.equals(OptimizerConfig.OTHERS)) {
        patterns.put(name, Pattern.compile(config.pattern(name)));
        members.put(name, new ArrayList<>());
      }
    }
    members.put(OptimizerConfig.OTHERS, new ArrayList<>());
    List<Problem> problems = new ArrayList<>();
    Set<List<String>> overlaps = new HashSet<>();
    for (String name : names) {
      List<String> matching =
          patterns.entrySet().stream()
              .filter(pattern -> pattern.getValue().matcher(name).matches())
              .map(Map.Entry::getKey)
              .toList();
      if (matching.size() > 1 && overlaps.add(matching)) {
        problems.add(
            new Problem(
                "optimizer.groups",
                "%s match the same parameters, such as %s; each parameter must belong to one group"
                    .formatted(String.join(" and ", matching), name)));
      }
      String group = matching.isEmpty() ? OptimizerConfig.OTHERS : matching.get(0);
      Objects.requireNonNull(members.get(group))
          .add(new Member(name, decay.matcher(name).matches()));
    }
    List<Group> groups = new ArrayList<>();
    Map<String, Group> byName = new LinkedHashMap<>();
    members.forEach(
        (name, taken) -> {
          if (taken.isEmpty()) {
            if (config.groups().containsKey(name)) {
              problems.add(empty(config, name));
            }
            return;
          }
          ParameterGroupConfig g = config.groups().getOrDefault(name, config.others());
          ScheduleConfig schedule = g.schedule() == null ? config.schedule() : g.schedule();
          Group group =
              new Group(
                  name,
                  taken,
                  config.learningRate() * g.learningRateMultiplier(),
                  new Schedule(schedule, totalExamples),
                  g.frozen());
          groups.add(group);
          taken.forEach(member -> byName.put(member.name(), group));
        });
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
    return new ParameterGroups(List.copyOf(groups), byName);
  }

  private static Problem empty(OptimizerConfig config, String group) {
    return group.equals(OptimizerConfig.OTHERS)
        ? new Problem(
            "optimizer.groups." + group, "takes no parameter, as the other groups take all")
        : new Problem(
            "optimizer.groups." + group + ".pattern",
            "'%s' takes no parameter; names look like vision/blocks/0/mlp/in/kernel, connector/kernel, language/blocks/0/attention/query/w"
                .formatted(config.pattern(group)));
  }

  /** All groups, including frozen ones, in the recipe's order; the others are last. */
  public List<Group> groups() {
    return groups;
  }

  /** Whether a parameter is updated. */
  public boolean trains(String name) {
    Group group = byName.get(name);
    return group != null && !group.frozen();
  }

  /** The name of a parameter's group. */
  String group(String name) {
    return Objects.requireNonNull(byName.get(name), name).name();
  }

  /** The updated parameters, in order. */
  public List<String> trained() {
    return byName.keySet().stream().filter(this::trains).toList();
  }

  /**
   * Parameters with the same learning rate.
   *
   * @param name as in the recipe and in metrics
   * @param members in parameter order
   * @param learningRate base rate, before the schedule
   * @param schedule factor over the stage
   * @param frozen whether they are not updated
   */
  public record Group(
      String name, List<Member> members, double learningRate, Schedule schedule, boolean frozen) {
    /** Keeps unmodifiable copies. */
    public Group {
      members = List.copyOf(members);
    }
  }

  /**
   * A parameter in its group.
   *
   * @param decays whether weight decay applies to it
   */
  public record Member(String name, boolean decays) {}
}
