package dev.palimpsest.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * The launcher script in a small project of its own, with a {@code java} that prints its arguments
 * and an {@code mvn} that notes that it was called.
 */
@EnabledOnOs({OS.LINUX, OS.MAC})
class LauncherTest {
  private static final Path LAUNCHER = Path.of("..", "palimpsest");

  private Path temp = Path.of("");
  private Path root = Path.of("");
  private Path home = Path.of("");
  private final Map<String, String> more = new HashMap<>();

  record Outcome(int code, String out) {}

  @BeforeEach
  void aProject(@TempDir Path folder) throws IOException {
    temp = folder;
    root = Files.createDirectories(temp.resolve("a project"));
    home = temp.resolve("jdk");
    Files.copy(LAUNCHER, root.resolve("palimpsest"));
    Files.writeString(root.resolve("pom.xml"), "");
    Files.createDirectories(root.resolve("cli/src/main"));
    Files.writeString(root.resolve("cli/pom.xml"), "");
    java("17.0.15");
    script(
        temp.resolve("bin/mvn"),
        """
        echo built >>builds
        mkdir -p cli/target/lib
        touch cli/target/palimpsest.jar cli/target/lib/palimpsest-configs.jar
        touch "cli/target/lib/library-$(wc -l <builds).jar"
        """);
  }

  @Test
  void theFirstUseBuildsAndTheSecondDoesNot() throws Exception {
    Outcome first = run(root.resolve("palimpsest"), "validate", "a b");
    assertTrue(first.out.startsWith("palimpsest: building"), first.out);
    Outcome second = run(root.resolve("palimpsest"), "validate", "a b");
    assertTrue(second.out.startsWith("[--add-opens="), second.out);
    assertTrue(second.out.endsWith("[dev.palimpsest.cli.Main][validate][a b]\n"), second.out);
    assertEquals(1, builds());
  }

  @Test
  void changedSourcesAreBuiltAgain() throws Exception {
    run(root.resolve("palimpsest"));
    Path source = Files.writeString(root.resolve("cli/src/main/New.java"), "");
    Files.setLastModifiedTime(source, FileTime.from(Instant.now().plusSeconds(5)));
    run(root.resolve("palimpsest"));
    assertEquals(2, builds());
  }

  /** Two versions of a library on the class path are one too many. */
  @Test
  void aBuildRunsWithItsOwnLibrariesAlone() throws Exception {
    run(root.resolve("palimpsest"));
    Path source = Files.writeString(root.resolve("cli/src/main/New.java"), "");
    Files.setLastModifiedTime(source, FileTime.from(Instant.now().plusSeconds(5)));
    run(root.resolve("palimpsest"));
    String current = Files.readString(root.resolve("target/current")).strip();
    try (Stream<Path> jars = Files.list(root.resolve("target").resolve(current))) {
      assertEquals(
          List.of("library-2.jar", "palimpsest-configs.jar", "palimpsest.jar"),
          jars.map(jar -> jar.getFileName().toString()).sorted().toList());
    }
  }

  @Test
  void twoFirstUsesAtOnceBuildOnce() throws Exception {
    Process one = start(root.resolve("palimpsest"));
    Process two = start(root.resolve("palimpsest"));
    assertEquals(7, finish(one).code);
    assertEquals(7, finish(two).code);
    assertEquals(1, builds());
  }

  @Test
  void theExitCodeIsTheProgrammes() throws Exception {
    assertEquals(7, run(root.resolve("palimpsest")).code);
  }

  @Test
  void itWorksThroughSymbolicLinks() throws Exception {
    Path link = Files.createSymbolicLink(temp.resolve("link"), Path.of("a project/palimpsest"));
    Path linkToLink = Files.createSymbolicLink(temp.resolve("bin/again"), link);
    Outcome outcome = run(linkToLink);
    assertTrue(outcome.out.contains(root.toRealPath() + "/target/app-"), outcome.out);
  }

  @Test
  void aFailedBuildShowsItsLogAndRunsNothing() throws Exception {
    script(temp.resolve("bin/mvn"), "echo '[ERROR] missing semicolon'\nexit 1\n");
    Outcome outcome = run(root.resolve("palimpsest"));
    assertEquals(1, outcome.code);
    assertTrue(outcome.out.contains("[ERROR] missing semicolon"), outcome.out);
    assertTrue(outcome.out.contains("palimpsest: the build failed"), outcome.out);
    assertTrue(!outcome.out.contains("dev.palimpsest.cli.Main"), outcome.out);
  }

  @Test
  void anOldJvmIsRefused() throws Exception {
    for (String old : List.of("1.8.0_402", "11.0.2")) {
      java(old);
      Outcome outcome = run(root.resolve("palimpsest"));
      assertEquals(1, outcome.code);
      assertEquals(
          "palimpsest: needs Java 17 or newer, but "
              + home
              + "/bin/java is "
              + old
              + "; set JAVA_HOME\n",
          outcome.out);
    }
  }

  @Test
  void aNewJvmMayLoadNativeLibraries() throws Exception {
    String flag = "--enable-native-access=ALL-UNNAMED";
    java("25");
    assertTrue(run(root.resolve("palimpsest")).out.contains(flag));
    java("21.0.1");
    assertTrue(!run(root.resolve("palimpsest")).out.contains(flag));
  }

  @Test
  void theFlagsAreThoseOfTheTests() throws IOException {
    Matcher flags =
        Pattern.compile("<jvm.(flags|vectors)>(.*)</jvm.")
            .matcher(Files.readString(Path.of("..", "pom.xml")));
    for (String name : new String[] {"flags", "vectors"}) {
      assertTrue(flags.find());
      assertEquals(name, flags.group(1));
      assertTrue(Files.readString(LAUNCHER).contains(name + "=(" + flags.group(2) + ")"));
    }
  }

  @Test
  void commandsThatReadManyPicturesGetVectorsWhereTheJvmHasThem() throws Exception {
    String flag = "[--add-modules][jdk.incubator.vector]";
    script(
        home.resolve("bin/java"),
        "if [ \"$3\" = -version ]; then echo 'WARNING: Using incubator modules'; echo 'openjdk"
            + " version \"17.0.1\"'; exit; fi\nprintf '[%s]' \"$@\"; echo; exit 7\n");
    assertTrue(run(root.resolve("palimpsest"), "eval").out.contains(flag));
    assertTrue(!run(root.resolve("palimpsest"), "tasks").out.contains(flag));
    java("17.0.1"); // one that fails with an unknown module
    assertTrue(!run(root.resolve("palimpsest"), "eval").out.contains(flag));
  }

  @Test
  void threadsWaitAsleepUnlessTheUserSaysOtherwise() throws Exception {
    script(
        home.resolve("bin/java"),
        """
        case "$*" in *-version) echo 'openjdk version "17.0.1"'; exit ;; esac
        echo "$OMP_WAIT_POLICY/$GOMP_SPINCOUNT"
        """);
    run(root.resolve("palimpsest")); // builds
    assertEquals("/100000\n", run(root.resolve("palimpsest")).out);
    more.put("OMP_WAIT_POLICY", "active");
    assertEquals("active/\n", run(root.resolve("palimpsest")).out);
    more.remove("OMP_WAIT_POLICY");
    more.put("GOMP_SPINCOUNT", "1000");
    assertEquals("/1000\n", run(root.resolve("palimpsest")).out);
  }

  /** Before the JVM starts, since the loader reads its variables once. */
  @Test
  void anEnginesVariablesAreSetBeforeTheCommand() throws Exception {
    script(
        home.resolve("bin/java"),
        """
        case "$*" in
          *-version) echo 'openjdk version "17.0.1"' ;;
          *"engine find a folder") printf 'PYTORCH_FLAVOR cu128\\nLD_LIBRARY_PATH /a b:/c\\n' ;;
          *"engine find "*) echo "no such engine" >&2; exit 2 ;;
          *) echo "$PYTORCH_FLAVOR/$LD_LIBRARY_PATH"; printf '[%s]' "${@: -2}"; echo ;;
        esac
        """);
    run(root.resolve("palimpsest")); // builds
    more.put("LD_LIBRARY_PATH", "");
    String expected = "cu128//a b:/c\n[dev.palimpsest.cli.Main][tasks]\n";
    assertEquals(expected, run(root.resolve("palimpsest"), "--engine", "a folder", "tasks").out);
    assertEquals(expected, run(root.resolve("palimpsest"), "--engine=a folder", "tasks").out);
    assertEquals(
        "/\n[dev.palimpsest.cli.Main][tasks]\n",
        run(root.resolve("palimpsest"), "--engine", "cpu", "tasks").out);
    more.put("PALIMPSEST_ENGINE", "a folder");
    assertEquals(expected, run(root.resolve("palimpsest"), "tasks").out);
    more.put("PALIMPSEST_ENGINE", "cuda");
    Outcome refused = run(root.resolve("palimpsest"), "tasks");
    assertEquals("no such engine\n", refused.out);
    assertEquals(2, refused.code);
  }

  @Test
  void classesThatAreThereAreRunAsTheyAre() throws Exception {
    more.put("PALIMPSEST_CLASSPATH", "some/classes:a.jar");
    Outcome outcome = run(root.resolve("palimpsest"));
    assertTrue(
        outcome.out.contains("[-cp][some/classes:a.jar][dev.palimpsest.cli.Main]"), outcome.out);
    assertTrue(!Files.exists(root.resolve("builds")));
  }

  @Test
  void commandsThatStreamGetASmallHeapUnlessTheUserSaysOtherwise() throws Exception {
    for (String command : List.of("export", "verify-export", "fabricate")) {
      Outcome outcome = run(root.resolve("palimpsest"), command);
      assertTrue(outcome.out.contains("[-Xmx512m]"), outcome.out);
    }
    assertFalse(run(root.resolve("palimpsest"), "run").out.contains("-Xmx"));
    for (String variable : List.of("PALIMPSEST_JAVA_OPTS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS")) {
      for (String heap : List.of("-Xmx4g", "-XX:MaxRAMPercentage=50", "-XX:MaxHeapSize=4g")) {
        more.clear();
        more.put(variable, "-Da=b " + heap);
        Outcome outcome = run(root.resolve("palimpsest"), "export");
        assertFalse(outcome.out.contains("-Xmx512m"), outcome.out);
      }
    }
  }

  @Test
  void aJvmThatDoesNotStartIsQuoted() throws Exception {
    script(
        home.resolve("bin/java"),
        "echo 'libjli.so: cannot open shared object file' >&2; exit 127\n");
    Outcome outcome = run(root.resolve("palimpsest"));
    assertEquals(1, outcome.code);
    assertEquals(
        "libjli.so: cannot open shared object file\npalimpsest: %s/bin/java does not start (its words are above)\n"
            .formatted(home),
        outcome.out);
  }

  private void java(String version) throws IOException {
    script(
        home.resolve("bin/java"),
        "if [ \"$1\" = -version ]; then echo 'openjdk version \""
            + version
            + "\" 2025-01-01' >&2; exit; fi\nprintf '[%s]' \"$@\"; echo; exit 7\n");
  }

  private static void script(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, "#!/bin/bash\n" + text);
    assertTrue(file.toFile().setExecutable(true));
  }

  private long builds() throws IOException {
    return Files.readAllLines(root.resolve("builds")).size();
  }

  private Outcome run(Path launcher, String... arguments) throws Exception {
    return finish(start(launcher, arguments));
  }

  private Process start(Path launcher, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("bash", launcher.toString()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(temp.toFile()).redirectErrorStream(true);
    Map<String, String> environment = builder.environment();
    environment.put("PATH", temp.resolve("bin") + ":" + environment.get("PATH"));
    environment.put("JAVA_HOME", home.toString());
    List.of(
            "PALIMPSEST_JAVA_OPTS",
            "JAVA_TOOL_OPTIONS",
            "_JAVA_OPTIONS",
            "PALIMPSEST_ENGINE",
            "PYTORCH_FLAVOR",
            "OMP_WAIT_POLICY",
            "GOMP_SPINCOUNT")
        .forEach(environment::remove);
    environment.putAll(more);
    return builder.start();
  }

  private static Outcome finish(Process process) throws Exception {
    String out = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "hangs");
    return new Outcome(process.exitValue(), out);
  }
}
