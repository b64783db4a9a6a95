package dev.palimpsest.cli.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class ComparisonTest {
  @Test
  @DisabledOnOs(OS.WINDOWS) // has no such names
  void thePlaceOfARunIsNoDifferenceWhateverItIsCalled(@TempDir Path folder) throws IOException {
    Path whole = run(folder.resolve("it's \"the\" whole"));
    Path other = run(folder.resolve("it's \"the\" other one"));
    assertEquals(List.of(), Comparison.of(whole, other).differences());
  }

  private static Path run(Path root) throws IOException {
    Files.createDirectories(root);
    Files.writeString(
        root.resolve("recipe.yaml"), "path: '" + root.toString().replace("'", "''") + "/a'\n");
    Files.writeString(root.resolve("plan.txt"), root + "/a\n");
    Files.writeString(root.resolve("run.lock"), "held by the run in " + root);
    Files.writeString(root.resolve(".data.lock"), "held by the run in " + root.hashCode());
    new ObjectMapper().writeValue(root.resolve("a.json").toFile(), Map.of("path", root + "/a"));
    return root;
  }
}
