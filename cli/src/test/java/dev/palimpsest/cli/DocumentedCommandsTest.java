package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** What the documentation tells people to type. */
class DocumentedCommandsTest {
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
  private static final String RECIPE = "configs/recipes/rehearsal.yaml";
  private static final Pattern COMMAND = Pattern.compile("\\./palimpsest ([^`|;>#&)]*)");
  private static final Pattern OPTION = Pattern.compile("(?<=\\s)(--[a-z][a-z-]*)");

  /**
   * A command line.
   *
   * @param file that has it
   * @param whole whether it can be typed as it stands, rather than being part of a sentence
   */
  private record Line(Path file, String text, boolean whole) {
    List<String> words() {
      return Arrays.stream(text.strip().replaceAll("'[^']*'", "quoted").split("\\s+"))
          .map(word -> word.replace("\\", ""))
          .filter(word -> !word.isEmpty())
          .toList();
    }
  }

  private static List<Line> lines() throws IOException {
    List<Line> lines = new ArrayList<>();
    for (Path file : files()) {
      boolean fenced = false;
      boolean recipe = file.toString().endsWith(".yaml");
      String text = Files.readString(file).replaceAll("\\\\\\n\\s*", "");
      for (String line : text.split("\n")) {
        fenced ^= line.startsWith("```");
        Matcher found = COMMAND.matcher(line);
        while (found.find()) {
          lines.add(new Line(ROOT.relativize(file), found.group(1), fenced || recipe));
        }
      }
    }
    return lines;
  }

  private static List<Path> files() throws IOException {
    List<Path> files = new ArrayList<>();
    for (String folder : List.of("", "docs", "docs/decisions", "configs/recipes")) {
      try (Stream<Path> some = Files.list(ROOT.resolve(folder))) {
        some.filter(file -> file.toString().matches(".*\\.(md|yaml)")).sorted().forEach(files::add);
      }
    }
    return files;
  }

  @Test
  void everyCommandAndOptionExists() throws IOException {
    List<String> mistakes = new ArrayList<>();
    List<Line> lines = lines();
    for (Line line : lines) {
      mistake(line).ifPresent(m -> mistakes.add(line.file + ": " + line.text.strip() + ": " + m));
    }
    assertTrue(lines.size() > 40, "found only " + lines);
    assertEquals(List.of(), mistakes);
  }

  private static Optional<String> mistake(Line line) {
    List<String> words = line.words();
    CommandLine command = Main.commandLine();
    for (String word : words) {
      CommandLine sub = command.getSubcommands().get(word);
      if (sub != null) {
        command = sub;
      } else if (!word.startsWith("--") && command.getSubcommands().size() > 20) {
        boolean stands =
            word.matches("cuda|COMMAND|\\.\\.\\."); // an option's value, or any command
        return stands ? Optional.empty() : Optional.of("no command " + word);
      }
    }
    if (line.whole) {
      try {
        Main.commandLine().parseArgs(words.toArray(String[]::new));
        return Optional.empty();
      } catch (CommandLine.ParameterException e) {
        return Optional.ofNullable(e.getMessage());
      }
    }
    Matcher options = OPTION.matcher(line.text);
    while (options.find()) {
      if (command.getCommandSpec().findOption(options.group(1)) == null) {
        return Optional.of("no option " + options.group(1));
      }
    }
    return Optional.empty();
  }

  /** The quick start, line by line, with a smaller recipe in place of the rehearsal. */
  @Test
  @DisabledOnOs(OS.WINDOWS) // the launcher is a shell script
  void theQuickStartWorksAsItStands(@TempDir Path folder) throws Exception {
    Path recipe =
        TinyRecipe.write(
            folder,
            "tiny",
            """
            tasks:
              caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
            stages:
              - name: stage1
                init: %s
                examples: 16
                resolution: 16
                textTokens: 16
                batchSize: 4
                mixture: {caption: 1}
                optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
            """
                .formatted(TinyRecipe.IMPORT));
    List<Line> lines =
        lines().stream().filter(line -> line.file.endsWith("quickstart.md") && line.whole).toList();
    assertTrue(lines.size() >= 8, "found only " + lines);
    for (Line line : lines) {
      Outcome outcome =
          Launched.shell(
                  folder,
                  Map.of(),
                  "\"$palimpsest\" " + line.text.replace(RECIPE, recipe.toString()))
              .finish();
      assertEquals(0, outcome.exit(), line.text + outcome);
    }
  }
}
