package dev.palimpsest.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Help.Column;
import picocli.CommandLine.Help.TextTable;
import picocli.CommandLine.IHelpSectionRenderer;

/** The list of commands in the program's help, by what they are for. */
final class CommandGroups implements IHelpSectionRenderer {
  private static final int NAME = 17;

  private static final Map<String, List<String>> GROUPS = new LinkedHashMap<>();

  static {
    GROUPS.put("Train", List.of("run", "plan", "launch", "ablate", "reproduce", "replay"));
    GROUPS.put("Watch", List.of("status", "watch", "report", "goodput", "prune"));
    GROUPS.put(
        "Data", List.of("mixture", "inspect", "dedup", "prepare", "playground", "fabricate"));
    GROUPS.put("Evaluate", List.of("eval", "score", "tasks", "predict"));
    GROUPS.put("Checkpoints", List.of("export", "verify-export", "lineage"));
    GROUPS.put(
        "This program and machine",
        List.of("doctor", "engine", "certify", "chaos", "bench", "completion"));
  }

  /** The groups with the commands that there are; a command in no group is in the last one. */
  static Map<String, List<String>> of(Iterable<String> commands) {
    Map<String, List<String>> groups = new LinkedHashMap<>();
    List<String> rest = new ArrayList<>();
    commands.forEach(rest::add);
    String last = "";
    for (Map.Entry<String, List<String>> group : GROUPS.entrySet()) {
      last = group.getKey();
      List<String> found = new ArrayList<>(group.getValue());
      found.retainAll(rest);
      groups.put(last, found);
      rest.removeAll(found);
    }
    groups.getOrDefault(last, new ArrayList<>()).addAll(rest);
    groups.values().removeIf(List::isEmpty);
    return groups;
  }

  @Override
  public String render(Help help) {
    Map<String, CommandLine> commands = help.commandSpec().subcommands();
    StringBuilder out = new StringBuilder();
    of(commands.keySet())
        .forEach(
            (group, names) -> {
              TextTable table =
                  TextTable.forColumns(
                      help.colorScheme(),
                      new Column(NAME, 2, Column.Overflow.SPAN),
                      new Column(
                          help.commandSpec().usageMessage().width() - NAME,
                          2,
                          Column.Overflow.WRAP));
              for (String name : names) {
                CommandLine command = Objects.requireNonNull(commands.get(name), name);
                String[] about = command.getCommandSpec().usageMessage().description();
                table.addRowValues(name, about.length == 0 ? "" : about[0]);
              }
              out.append(group).append(":%n".formatted()).append(table);
            });
    return out.toString();
  }
}
