package dev.palimpsest.cli.engines;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.files.ContentHash;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Small archives, and an {@code mvn} that takes them from a folder instead of the network. */
@EnabledOnOs(value = OS.LINUX, architectures = "amd64")
class EngineFetcherTest {
  private Path temp = Path.of("");
  private Path cache = Path.of("");
  private final StringWriter said = new StringWriter();

  @BeforeEach
  void aMaven(@TempDir Path folder) throws IOException {
    temp = folder;
    cache = temp.resolve("engines");
    archive("a-1-x.jar", "in/a/", Map.of("liba.so", "aaaa", "libjnia.so", "not wanted"));
    archive("b-2-y.jar", "in/b/", Map.of("libcudart.so.12", "bb"));
    Path mvn = temp.resolve("mvn");
    Files.writeString(
        mvn,
        """
        #!/bin/bash
        set -e
        for word in "$@"; do
          case "$word" in
            -Dmaven.repo.local=*) repository="${word#*=}" ;;
            -Dartifact=*) IFS=: read -r group name version kind classifier <<<"${word#*=}" ;;
          esac
        done
        cd %s
        echo "$name" >>fetched
        if [ -e offline ]; then echo "[INFO] resolving"; echo "[ERROR] no route to the mirror"; exit 1; fi
        mkdir -p "$repository/$group/$name/$version"
        cp "$name-$version-$classifier.$kind" "$repository/$group/$name/$version/"
        """
            .formatted(temp));
    assertTrue(mvn.toFile().setExecutable(true));
  }

  private void archive(String name, String within, Map<String, String> files) throws IOException {
    try (OutputStream out = Files.newOutputStream(temp.resolve(name));
        ZipOutputStream zip = new ZipOutputStream(out)) {
      for (Map.Entry<String, String> file : files.entrySet()) {
        zip.putNextEntry(new ZipEntry(within + file.getKey()));
        zip.write(file.getValue().getBytes(StandardCharsets.UTF_8));
      }
    }
  }

  private FetchedEngine.Part part(
      String name, String version, String classifier, String library, long size, String into)
      throws IOException {
    Path jar = temp.resolve("%s-%s-%s.jar".formatted(name, version, classifier));
    return new FetchedEngine.Part(
        "group:%s:%s:jar:%s".formatted(name, version, classifier),
        "part " + name,
        "licence of " + name,
        Files.size(jar),
        ContentHash.of(jar),
        "in/" + name + "/",
        into,
        Map.of(library, size));
  }

  private FetchedEngine engine() throws IOException {
    return new FetchedEngine(
        "small",
        "small-1",
        "2.7.1",
        "cu128",
        List.of(
            part("a", "1", "x", "liba.so", 4, FetchedEngine.TORCH),
            part("b", "2", "y", "libcudart.so.12", 2, FetchedEngine.CUDA)));
  }

  private Path fetch(FetchedEngine engine) {
    return new EngineFetcher(engine, cache, temp.resolve("mvn").toString(), new PrintWriter(said))
        .fetch();
  }

  private List<String> fetched() throws IOException {
    return Files.readAllLines(temp.resolve("fetched"));
  }

  @Test
  void onlyTheLibrariesAreKeptAndTheirLicencesToldBefore() throws IOException {
    Path folder = fetch(engine());
    assertEquals(cache.resolve("small-1"), folder);
    try (Stream<Path> walk = Files.walk(folder)) {
      assertEquals(
          List.of("LICENCES", "cuda/libcudart.so", "cuda/libcudart.so.12", "torch/liba.so"),
          walk.filter(Files::isRegularFile)
              .map(file -> folder.relativize(file).toString())
              .sorted()
              .toList());
    }
    assertEquals("aaaa", Files.readString(folder.resolve("torch/liba.so")));
    assertEquals("bb", Files.readString(folder.resolve("cuda/libcudart.so")));
    try (Stream<Path> list = Files.list(cache)) {
      assertEquals(
          List.of(".small-1.lock", "small-1"),
          list.map(file -> file.getFileName().toString()).sorted().toList());
    }
    String text = said.toString();
    assertTrue(text.contains("part a (group:a:1:jar:x): licence of a"), text);
    assertTrue(text.indexOf("licence of b") < text.indexOf("unpacking"), text);
    assertTrue(Files.readString(folder.resolve("LICENCES")).contains("licence of b"));
  }

  @Test
  void whatIsThereIsNotFetchedAgain() throws IOException {
    fetch(engine());
    Files.createFile(temp.resolve("offline"));
    fetch(engine());
    assertEquals(List.of("a", "b"), fetched());
  }

  @Test
  void anInterruptedFetchLeavesNoEngineAndGoesOn() throws IOException {
    FetchedEngine engine = engine();
    Path second = temp.resolve("b-2-y.jar");
    Files.move(second, temp.resolve("away")); // Maven fails at the second archive
    assertThrows(UserMistake.class, () -> fetch(engine));
    assertTrue(!Files.exists(cache.resolve("small-1")));
    Files.move(temp.resolve("away"), second);
    fetch(engine);
    assertEquals(List.of("a", "b", "b"), fetched());
    assertTrue(engine.isIn(cache.resolve("small-1")));
  }

  @Test
  void mavensReasonIsTold() throws IOException {
    FetchedEngine engine = engine();
    Files.createFile(temp.resolve("offline"));
    var e = assertThrows(UserMistake.class, () -> fetch(engine));
    assertTrue(e.toString().contains("group:a:1:jar:x: no route to the mirror;"), e.toString());
  }

  /** A mirror that gives another file is named, and its file does not stay. */
  @Test
  void anotherFileIsRefusedAndFetchedAgain() throws IOException {
    FetchedEngine engine = engine();
    archive("a-1-x.jar", "in/a/", Map.of("liba.so", "evil"));
    var e = assertThrows(UserMistake.class, () -> fetch(engine));
    assertTrue(e.toString().contains("has been altered"), e.toString());
    assertTrue(!Files.exists(cache.resolve("small-1")));
    assertThrows(UserMistake.class, () -> fetch(engine));
    assertEquals(List.of("a", "a"), fetched());
  }

  @Test
  void anEngineOfWhichSomethingWasTakenIsMadeWhole() throws IOException {
    Path folder = fetch(engine());
    Files.delete(folder.resolve("torch/liba.so"));
    fetch(engine());
    assertTrue(engine().isIn(folder));
  }

  @Test
  void aThirdOfTheSpaceIsNotEnough() throws IOException {
    FetchedEngine small = engine();
    FetchedEngine.Part a = small.parts().get(0);
    FetchedEngine huge =
        new FetchedEngine(
            "huge",
            "huge-1",
            "2.7.1",
            "cu128",
            List.of(
                new FetchedEngine.Part(
                    a.artifact(),
                    a.what(),
                    a.licence(),
                    1L << 60,
                    a.sha256(),
                    a.within(),
                    a.into(),
                    a.libraries())));
    var e = assertThrows(UserMistake.class, () -> fetch(huge));
    assertTrue(
        e.toString().contains("choose another folder with PALIMPSEST_ENGINES"), e.toString());
    assertTrue(!Files.exists(temp.resolve("fetched")));
  }

  @Test
  void otherPlatformsAreRefused() {
    var e =
        assertThrows(UserMistake.class, () -> EngineFetcher.requirePlatform("Mac OS X", "aarch64"));
    assertTrue(e.toString().contains("for Linux on x86_64, and this is Mac OS X on aarch64"));
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void theListIsForTheLibtorchOfTheBuild() throws IOException {
    FetchedEngine cuda = FetchedEngine.cuda();
    String pom = Files.readString(Path.of("..", "pom.xml"));
    assertTrue(pom.contains("<pytorch.version>" + cuda.libtorch() + "</pytorch.version>"));
    assertEquals(
        Path.of("m2/org/bytedeco/pytorch/2.7.1-1.5.12/pytorch-2.7.1-1.5.12-linux-x86_64-gpu.jar"),
        cuda.parts().get(0).in(Path.of("m2")));
    for (FetchedEngine.Part part : cuda.parts()) {
      assertTrue(part.sha256().matches("[0-9a-f]{64}"), part.artifact());
      assertTrue(part.libraries().keySet().stream().noneMatch(name -> name.startsWith("libjni")));
    }
  }
}
