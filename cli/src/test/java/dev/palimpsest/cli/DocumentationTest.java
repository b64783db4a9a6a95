package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Whether the documentation names what there is, and nothing else. */
class DocumentationTest {
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
  private static final List<String> MODULES =
      List.of("configs", "model", "mixtures", "checkpoints", "eval", "stages", "cli");

  private static List<Path> documents() throws IOException {
    List<Path> documents = new ArrayList<>();
    for (String folder : List.of("", "docs", "docs/decisions")) {
      try (Stream<Path> files = Files.list(ROOT.resolve(folder))) {
        files.filter(file -> file.toString().endsWith(".md")).sorted().forEach(documents::add);
      }
    }
    return documents;
  }

  private static List<Path> sources() throws IOException {
    List<Path> sources = new ArrayList<>();
    for (String module : MODULES) {
      try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src"))) {
        files.filter(file -> file.toString().endsWith(".java")).forEach(sources::add);
      }
    }
    return sources;
  }

  private static String readme() throws IOException {
    return Files.readString(ROOT.resolve("README.md"));
  }

  @Test
  void everyCommandHasALineInTheReadme() throws IOException {
    List<String> rows = readme().lines().filter(line -> line.startsWith("| `")).toList();
    List<String> missing = new ArrayList<>(Main.commandLine().getSubcommands().keySet());
    missing.removeIf(
        name -> rows.stream().anyMatch(row -> row.matches("[|] .*`" + name + "[ `].* [|].*")));
    assertEquals(List.of(), missing);
  }

  @Test
  void everyRoomHasALineInTheReadmeAndAPlaceInTheArchitecture() throws IOException {
    String tree = readme().split("## Where things are")[1].split("## Commands")[0];
    String table =
        Files.readString(ROOT.resolve("docs/architecture.md"))
            .split("### Rooms")[1]
            .split("## Ideas")[0];
    List<String> missing = new ArrayList<>();
    for (Path source : sources()) {
      Matcher found =
          Pattern.compile("(\\w+)/src/main/java/dev/palimpsest/(\\w+)/(\\w+)/package-info[.]java")
              .matcher(source.toString().replace('\\', '/'));
      if (found.find() && found.group(1).equals(found.group(2))) {
        String room = found.group(3);
        if (!Pattern.compile("(?m)^  (\\w+, )*" + room + "\\b").matcher(tree).find()) {
          missing.add(found.group(1) + "." + room + " in README.md");
        }
        if (!Pattern.compile("`(\\w+[.])?" + room + "`").matcher(table).find()) {
          missing.add(found.group(1) + "." + room + " in docs/architecture.md");
        }
      }
    }
    assertEquals(List.of(), missing);
  }

  @Test
  void everyLinkLeadsToAFile() throws IOException {
    Pattern link = Pattern.compile("\\]\\(([^)#:]+)(?:#[^)]*)?\\)");
    List<String> broken = new ArrayList<>();
    int links = 0;
    for (Path document : documents()) {
      Matcher found = link.matcher(Files.readString(document));
      for (; found.find(); links++) {
        if (!Files.exists(document.resolveSibling(found.group(1)))) {
          broken.add(ROOT.relativize(document) + ": " + found.group(1));
        }
      }
    }
    assertTrue(links > 100, "found only " + links);
    assertEquals(List.of(), broken);
  }

  /** In the column of proofs and in promises, {@code SomethingTest} is a test that exists. */
  @Test
  void everyTestThatIsNamedExists() throws IOException {
    Set<String> tests =
        sources().stream()
            .map(file -> String.valueOf(file.getFileName()).replace(".java", ""))
            .filter(name -> name.endsWith("Test"))
            .collect(Collectors.toCollection(TreeSet::new));
    Pattern named = Pattern.compile("`([A-Z]\\w*Test)(?:[.](\\w+))?`");
    List<String> missing = new ArrayList<>();
    int names = 0;
    for (Path document : documents()) {
      Matcher found = named.matcher(Files.readString(document));
      for (; found.find(); names++) {
        if (!tests.contains(found.group(1))) {
          missing.add(ROOT.relativize(document) + ": " + found.group());
        }
      }
    }
    assertTrue(names > 100, "found only " + names);
    assertEquals(List.of(), missing);
  }
}
