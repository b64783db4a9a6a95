package dev.palimpsest.stages.optimizer;

import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.ParameterGroupConfig;
import dev.palimpsest.configs.ScheduleConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;

/**
 * Which parameters share a learning rate (big_vision utils.py, make_mask_trees: the first pattern
 * that matches the whole name wins).
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
   * @throws InvalidConfigException when a parameter matches no group, or a group has no parameters
   */
  public static ParameterGroups of(
      OptimizerConfig config, Collection<String> names, long totalExamples) {
    Pattern decay = Pattern.compile(config.weightDecayPattern());
    List<Pattern> patterns = new ArrayList<>();
    List<List<Member>> members = new ArrayList<>();
    for (ParameterGroupConfig group : config.groups()) {
      patterns.add(Pattern.compile(group.pattern()));
      members.add(new ArrayList<>());
    }
    List<String> orphans = new ArrayList<>();
    for (String name : names) {
      int first = 0;
      while (first < patterns.size() && !patterns.get(first).matcher(name).matches()) {
        first++;
      }
      if (first == patterns.size()) {
        orphans.add(name);
      } else {
        members.get(first).add(new Member(name, decay.matcher(name).matches()));
      }
    }
    List<Problem> problems = new ArrayList<>();
    if (!orphans.isEmpty()) {
      problems.add(
          new Problem(
              "optimizer.groups",
              "every parameter must belong to a group, but "
                  + orphans.size()
                  + " match no pattern: "
                  + String.join(", ", orphans.subList(0, Math.min(8, orphans.size())))
                  + (orphans.size() > 8 ? ", ..." : "")
                  + "; add a last group with pattern '.*'"));
    }
    List<Group> groups = new ArrayList<>();
    Map<String, Group> byName = new LinkedHashMap<>();
    for (int i = 0; i < patterns.size(); i++) {
      ParameterGroupConfig g = config.groups().get(i);
      if (members.get(i).isEmpty()) {
        problems.add(
            new Problem(
                "optimizer.groups[" + i + "].pattern",
                "'"
                    + g.pattern()
                    + "' takes no parameter; names look like vision/blocks/0/mlp/in/kernel, "
                    + "connector/kernel, language/blocks/0/attention/query/w"));
      }
      ScheduleConfig schedule = g.schedule() == null ? config.schedule() : g.schedule();
      Group group =
          new Group(
              g.pattern(),
              members.get(i),
              config.learningRate() * g.learningRateMultiplier(),
              new Schedule(schedule, totalExamples),
              g.frozen());
      groups.add(group);
      members.get(i).forEach(m -> byName.put(m.name(), group));
    }
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
    return new ParameterGroups(List.copyOf(groups), byName);
  }

  /** All groups, including frozen ones, in the recipe's order. */
  public List<Group> groups() {
    return groups;
  }

  /** Whether a parameter is updated. */
  public boolean trains(String name) {
    Group group = byName.get(name);
    return group != null && !group.frozen();
  }

  /** The pattern of a parameter's group. */
  String pattern(String name) {
    return Objects.requireNonNull(byName.get(name), name).pattern();
  }

  /** The updated parameters, in order. */
  public List<String> trained() {
    return byName.keySet().stream().filter(this::trains).toList();
  }

  /**
   * Parameters with the same learning rate.
   *
   * @param pattern as in the recipe; names the group in metrics
   * @param members in parameter order
   * @param learningRate base rate, before the schedule
   * @param schedule factor over the stage
   * @param frozen whether they are not updated
   */
  public record Group(
      String pattern,
      List<Member> members,
      double learningRate,
      Schedule schedule,
      boolean frozen) {
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
