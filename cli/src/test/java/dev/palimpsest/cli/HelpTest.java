package dev.palimpsest.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class HelpTest {
  @Test
  void everyCommandIsInOneGroup() {
    TreeSet<String> commands = new TreeSet<>(Main.commandLine().getSubcommands().keySet());
    List<String> grouped = new ArrayList<>();
    CommandGroups.of(commands).values().forEach(grouped::addAll);
    assertEquals(new ArrayList<>(commands), grouped.stream().sorted().toList());
    String help = Outcome.of("--help").out();
    CommandGroups.of(commands)
        .forEach(
            (group, names) -> {
              assertTrue(help.contains(group + ":" + System.lineSeparator()), help);
              for (String name : names) {
                assertTrue(
                    Pattern.compile("(?m)^  " + name + " .*\\S").matcher(help).find(),
                    name + " in\n" + help);
              }
            });
  }

  /** Commands without {@code --json}, each for a reason. */
  private static final Map<String, String> WITHOUT_JSON =
      Map.ofEntries(
          Map.entry("tasks", "prints its help"),
          Map.entry("bench", "prints its help"),
          Map.entry("engine", "prints its help"),
          Map.entry("engine fetch", "prints a folder"),
          Map.entry("engine find", "prints lines for the launcher"),
          Map.entry("completion", "prints a script for a shell"),
          Map.entry("launch", "prints manifests and scripts, or what the run prints"),
          Map.entry("report", "prints the path of the page that it writes"),
          Map.entry("watch", "serves a page and prints its address"),
          Map.entry("export", "prints the path that it writes to"),
          Map.entry("prepare", "prints the paths that it writes to"),
          Map.entry("playground", "prints the path that it writes to"),
          Map.entry("fabricate", "prints the paths that it writes to"));

  /** It would be written into a folder that is called {@code s3:}. */
  @Test
  void noCommandTakesAnAddressForAPath() {
    List<String> tried = new ArrayList<>();
    tryAddresses(List.of(), Main.commandLine(), tried);
    assertTrue(tried.size() > 40, tried.toString());
  }

  private static void tryAddresses(List<String> words, CommandLine command, List<String> tried) {
    for (CommandLine.Model.ArgSpec argument : command.getCommandSpec().args()) {
      if (argument.auxiliaryTypes()[0] == Path.class) {
        List<String> all = new ArrayList<>(words);
        if (argument instanceof CommandLine.Model.OptionSpec option) {
          all.add(option.longestName());
        }
        all.add("s3://bucket/x");
        Outcome refused = Outcome.of(all.toArray(String[]::new));
        assertEquals(2, refused.exit(), all.toString());
        assertTrue(
            refused.err().contains("'s3://bucket/x' is not a path: only local and mounted files"),
            () -> all + ": " + refused.err());
        tried.add(all.toString());
      }
    }
    command
        .getSubcommands()
        .forEach(
            (name, sub) -> {
              List<String> own = new ArrayList<>(words);
              own.add(name);
              tryAddresses(own, sub, tried);
            });
  }

  @Test
  void everyCommandWithAResultOffersJson() {
    TreeSet<String> without = new TreeSet<>();
    withoutJson("", Main.commandLine(), without);
    assertEquals(new TreeSet<>(WITHOUT_JSON.keySet()), without);
  }

  private static void withoutJson(String path, CommandLine command, Set<String> without) {
    command
        .getSubcommands()
        .forEach(
            (name, sub) -> {
              String whole = (path + " " + name).strip();
              if (sub.getCommandSpec().findOption("--json") == null) {
                without.add(whole);
              }
              withoutJson(whole, sub, without);
            });
  }

  /** The whole help would hide it. */
  @Test
  void aMistakeInOptionsIsALineWithAWordOfWhereToLook() {
    Outcome missing = Outcome.of("report");
    assertEquals(2, missing.exit());
    assertEquals(
        List.of(
            "Missing required parameter: 'RUN'",
            "'palimpsest report --help' describes its options"),
        missing.err().lines().toList());
    Outcome unknown = Outcome.of("doctor", "--jsn");
    assertEquals(2, unknown.exit());
    assertEquals("Unknown option: '--jsn'", unknown.err().lines().findFirst().orElse(""));
    assertEquals(2, unknown.err().lines().count(), unknown.err());
  }

  @Test
  void helpHasNoColours() {
    assertTrue(Outcome.of("--help").out().indexOf('\u001b') < 0);
  }

  @Test
  @DisabledOnOs(OS.WINDOWS) // bash
  void bashCompletesCommandsAndOptions(@TempDir Path folder) throws Exception {
    Path script =
        Files.writeString(folder.resolve("completion"), Outcome.of("completion").out(), UTF_8);
    for (Map.Entry<String, String> typed :
        Map.of("sta", "status", "eval --perp", "--perplexity", "tasks li", "list").entrySet()) {
      String line =
          "source %s; COMP_WORDS=(palimpsest %s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1));"
                  .formatted(script, typed.getKey())
              + " _complete_palimpsest; printf '%s\\n' \"${COMPREPLY[@]}\"";
      Process bash = new ProcessBuilder("bash", "-c", line).redirectErrorStream(true).start();
      String said = new String(bash.getInputStream().readAllBytes(), UTF_8);
      assertEquals(0, bash.waitFor(), said);
      assertTrue(said.lines().anyMatch(typed.getValue()::equals), typed + ": " + said);
    }
  }
}
