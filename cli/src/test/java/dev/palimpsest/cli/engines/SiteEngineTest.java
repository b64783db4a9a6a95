package dev.palimpsest.cli.engines;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cli.terminal.UserMistake;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The files by which a PyTorch is known, as Python's packages and libtorch's archives have them.
 */
@EnabledOnOs({OS.LINUX, OS.MAC})
class SiteEngineTest {
  private Path site = Path.of("");
  private Path torch = Path.of("");
  private Path cache = Path.of("");

  @BeforeEach
  void aPythonEnvironment(@TempDir Path folder) throws IOException {
    Path root = folder.toRealPath();
    cache = root.resolve("engines");
    site = root.resolve("site-packages");
    torch = Files.createDirectories(site.resolve("torch/lib"));
    touch(torch.resolve("libtorch.so"));
    touch(torch.resolve("libtorch_cuda.so"));
    touch(site.resolve("nvidia/cublas/lib/libcublas.so.12"));
    touch(site.resolve("nvidia/cuda_runtime/lib/libcudart.so.12"));
    Files.writeString(
        site.resolve("torch/version.py"), "__all__ = []\n__version__ = '2.7.1+cu126'\n");
  }

  private static void touch(Path file) throws IOException {
    Files.createDirectories(file.resolveSibling(""));
    Files.createFile(file);
  }

  private EngineFolders find(Path named) {
    return SiteEngine.find(named, "2.7.1", Optional.empty(), cache);
  }

  @Test
  void aPythonEnvironmentIsTakenAsItLies() throws IOException {
    for (Path named : List.of(torch, torch.resolve(".."), site)) {
      EngineFolders found = find(named);
      assertEquals(torch, found.libtorch());
      assertEquals("2.7.1", found.version());
      assertEquals("cu128", found.flavor());
      // DJL asks for the runtime by the bare name, which no package has.
      Path runtime = found.libraries().get(1).resolve("libcudart.so");
      assertEquals(site.resolve("nvidia/cuda_runtime/lib/libcudart.so.12"), runtime.toRealPath());
    }
  }

  @Test
  void theVariablesAreThoseOfDjlAndOfTheLoader() {
    EngineFolders found = find(torch);
    Map<String, String> variables = found.variables(Map.of("LD_LIBRARY_PATH", "/opt/lib"));
    assertEquals(torch.toString(), variables.get("PYTORCH_LIBRARY_PATH"));
    assertEquals(
        torch + ":" + found.libraries().get(1) + ":/opt/lib", variables.get("LD_LIBRARY_PATH"));
    assertEquals("cuda", variables.get("PALIMPSEST_DEVICE"));
    assertEquals("1", variables.get("OPENBLAS_NUM_THREADS"));
    assertEquals(
        "4", found.variables(Map.of("OPENBLAS_NUM_THREADS", "4")).get("OPENBLAS_NUM_THREADS"));
    assertEquals(
        "cpu", found.variables(Map.of("PALIMPSEST_DEVICE", "cpu")).get("PALIMPSEST_DEVICE"));
  }

  @Test
  void aBuildForTheCpuComputesOnTheCpu() throws IOException {
    Files.delete(torch.resolve("libtorch_cuda.so"));
    EngineFolders found = find(torch);
    assertEquals("cpu", found.flavor());
    assertEquals(List.of(torch), found.libraries());
    assertTrue(!found.variables(Map.of()).containsKey("PALIMPSEST_DEVICE"));
  }

  @Test
  void anUnpackedLibtorchHasARuntimeOfAnotherName(@TempDir Path folder) throws IOException {
    Path unpacked = folder.toRealPath().resolve("libtorch");
    touch(unpacked.resolve("lib/libtorch.so"));
    touch(unpacked.resolve("lib/libtorch_cuda.so"));
    touch(unpacked.resolve("lib/libcudart-c3a75b33.so.12"));
    Files.writeString(unpacked.resolve("build-version"), "2.7.0+cu126\n");
    EngineFolders found = find(unpacked);
    assertEquals("2.7.0", found.version());
    assertEquals(
        unpacked.resolve("lib/libcudart-c3a75b33.so.12"),
        found.libraries().get(1).resolve("libcudart.so").toRealPath());
  }

  @ParameterizedTest
  @CsvSource({"2.11.0+cu130, 2.11.0", "2.8.0, 2.8.0", "1.13.1, 1.13.1"})
  void anotherVersionIsRefused(String written, String told) throws IOException {
    Files.writeString(site.resolve("torch/version.py"), "__version__ = '" + written + "'\n");
    var e = assertThrows(UserMistake.class, () -> find(site));
    assertTrue(
        e.toString().contains("is " + told + ", and DJL's bridge is compiled for 2.7.1"),
        e.toString());
  }

  /** A folder with a link and a bridge that the site compiled. */
  @Test
  void aBridgeOfItsOwnGoesWithAnyVersion(@TempDir Path folder) throws IOException {
    Files.writeString(site.resolve("torch/version.py"), "__version__ = '2.11.0+cu130'\n");
    Path own = folder.toRealPath();
    Files.createSymbolicLink(own.resolve("libtorch.so"), torch.resolve("libtorch.so"));
    touch(own.resolve("libdjl_torch.so"));
    EngineFolders found = find(own);
    assertEquals(own, found.libtorch());
    assertEquals("2.11.0", found.version());
    assertEquals(torch, found.libraries().get(0));
    assertTrue(found.hasCuda());
  }

  @Test
  void aVersionThatNothingTellsIsAskedFor() throws IOException {
    Files.delete(site.resolve("torch/version.py"));
    var e = assertThrows(UserMistake.class, () -> find(site));
    assertTrue(
        e.toString().contains("set PYTORCH_VERSION=2.7.1 if that is its version"), e.toString());
    assertEquals("2.7.1", SiteEngine.find(site, "2.7.1", Optional.of("2.7.1"), cache).version());
  }

  @Test
  void whatHoldsNoLibtorchIsRefused() {
    var empty = assertThrows(UserMistake.class, () -> find(cache.resolveSibling("")));
    assertTrue(empty.toString().contains("--engine must be cpu, cuda or a folder"));
    assertTrue(empty.toString().endsWith("which holds none"), empty.toString());
    var none = assertThrows(UserMistake.class, () -> find(Path.of("cude")));
    assertTrue(none.toString().endsWith("got 'cude', which is no folder"), none.toString());
  }
}
