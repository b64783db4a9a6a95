package dev.palimpsest.cli.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.EngineException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.cli.Main;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import javax.imageio.IIOException;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class FailureTest {
  private static final String TORCH_SCRIPT =
      """
      The following operation failed in the TorchScript interpreter.
      Traceback of TorchScript, serialized code (most recent call last):
        File "code/__torch__.py", line 12, in embed
          def embed(self: __torch__.M, table: Tensor, ids: Tensor) -> Tensor:
            return torch.embedding(table, ids)
                   ~~~~~~~~~~~~~~~ <--- HERE

      Traceback of TorchScript, original code (most recent call last):
      RuntimeError: index out of range in self
      """;

  private static final String C10 =
      """
      The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1
      Exception raised from infer_size_impl at /pytorch/aten/src/ATen/ExpandUtils.cpp:35 (most recent call first):
      frame #0: c10::Error::Error(c10::SourceLocation, std::string) + 0x88 (0x7f1 in /lib/libc10.so)
      """;

  private static Failure of(Throwable thrown) {
    Failure failure = Failure.of(thrown, "run");
    assertFalse(failure.message().contains("\tat "), failure.message());
    return failure;
  }

  private static void assertSaid(int code, String message, Throwable thrown) {
    assertEquals(message, of(thrown).message());
    assertEquals(code, of(thrown).code(), message);
  }

  @Test
  void anExhaustedHeapSaysWhatToRaiseAndWhatToLower() {
    // As it comes out of a thread of the data: wrapped.
    Failure failure = of(new CompletionException(new OutOfMemoryError("Java heap space")));
    assertEquals(3, failure.code());
    assertTrue(
        failure
            .message()
            .matches(
                "the Java heap of [0-9.]+ GiB is exhausted: raise it, for example with .*-Xmx.*"),
        failure.message());
    assertTrue(failure.message().contains("microBatch"), failure.message());
    assertTrue(failure.isTraced());
    assertTrue(
        of(new OutOfMemoryError("Requested array size exceeds VM limit"))
            .message()
            .contains("2 GiB"));
    assertTrue(
        of(new OutOfMemoryError(
                "unable to create native thread: possibly out of memory or process/resource limits"
                    + " reached"))
            .message()
            .contains("ulimit -u"));
    assertTrue(
        of(new OutOfMemoryError("Cannot reserve 4096 bytes of direct buffer memory"))
            .message()
            .contains("MaxDirectMemorySize"));
  }

  @Test
  void exhaustedDeviceMemorySaysWhatWasAskedForAndWhatToLower() {
    for (String message :
        List.of(
            "[enforce fail at alloc_cpu.cpp:119] err == 0. DefaultCPUAllocator: can't allocate"
                + " memory: you tried to allocate 8589934592 bytes. Error code 12 (Cannot allocate"
                + " memory)",
            "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10"
                + " GiB",
            TORCH_SCRIPT + "RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB")) {
      Failure failure = of(new IllegalStateException(new EngineException(message)));
      assertEquals(78, failure.code(), message);
      assertTrue(
          failure
              .message()
              .matches(
                  "the memory for arrays is exhausted, asked for [0-9.]+ (bytes|GiB|MiB) more:"
                      + " lower .*"),
          failure.message());
    }
    assertEquals(78, of(new EngineException("std::bad_alloc")).code());
    assertTrue(
        Failure.of(new EngineException("std::bad_alloc"), "eval")
            .message()
            .contains("--batch-size"));
  }

  @Test
  void anExhaustedStackIsAnInputThatNestsTooDeeply() {
    Failure failure = of(new StackOverflowError());
    assertEquals(2, failure.code());
    assertTrue(failure.message().startsWith("an input is nested too deeply"), failure.message());
  }

  @Test
  void theEnginesTracesAreCutToTheirSentence() {
    assertSaid(
        1, "the engine failed: index out of range in self", new EngineException(TORCH_SCRIPT));
    assertSaid(
        1,
        "the engine failed: The size of tensor a (3) must match the size of tensor b (4) at"
            + " non-singleton dimension 1",
        new RuntimeException(new EngineException(C10)));
    assertSaid(
        1,
        "the engine failed: Failed to load PyTorch native library: UnsatisfiedLinkError: no torch"
            + " in java.library.path",
        new EngineException(
            "Failed to load PyTorch native library",
            new UnsatisfiedLinkError("no torch in java.library.path")));
  }

  @Test
  void aFullDiskNamesTheFile() {
    IOException full = new IOException("No space left on device");
    assertSaid(
        2,
        "cannot write run/data/a.jsonl: No space left on device",
        new UncheckedIOException("cannot write run/data/a.jsonl", full));
    assertSaid(
        2,
        "cannot write a.png: I/O error writing PNG file!: No space left on device",
        new UncheckedIOException(
            "cannot write a.png", new IIOException("I/O error writing PNG file!", full)));
    // Said once where the message says it already.
    assertSaid(
        2,
        "cannot write x: No space left on device",
        new UncheckedIOException("cannot write x: No space left on device", full));
  }

  @Test
  void exceptionsOfTheFileSystemAreSentences() {
    assertSaid(2, "cannot read or write: a: there is no such file", new NoSuchFileException("a"));
    assertSaid(
        2,
        "cannot list x: y: permission denied",
        new UncheckedIOException("cannot list x", new AccessDeniedException("y")));
    assertSaid(
        2,
        "cannot list y: permission denied",
        new UncheckedIOException("cannot list y", new AccessDeniedException("y")));
    assertSaid(
        2, "cannot read or write: a: directory not empty", new DirectoryNotEmptyException("a"));
    assertSaid(
        2,
        "cannot read or write: a: Read-only file system",
        new FileSystemException("a", null, "Read-only file system"));
    assertSaid(
        2,
        "cannot read or write: a (Too many open files)",
        new FileNotFoundException("a (Too many open files)"));
    assertEquals(2, of(invalidPath()).code());
    assertTrue(of(invalidPath()).message().startsWith("not the name of a file"));
  }

  private static RuntimeException invalidPath() {
    return assertThrows(InvalidPathException.class, () -> Path.of("a\0b"));
  }

  @Test
  void aParsersPositionIsALine() {
    IOException thrown =
        assertThrows(IOException.class, () -> new ObjectMapper().readTree("{\n\"a\": nonsense}"));
    Failure failure = of(new UncheckedIOException("cannot read a.json", thrown));
    assertTrue(failure.message().startsWith("cannot read a.json: not JSON: "), failure.message());
    assertTrue(failure.message().endsWith("(line 2)"), failure.message());
    // Where a reader of ours has quoted the parser whole.
    IOException open =
        assertThrows(IOException.class, () -> new ObjectMapper().readTree("{\n\"a\": {\"b\""));
    Failure quoted = of(new MalformedFileException("t.json: " + open.getMessage()));
    assertEquals(1, quoted.message().lines().count(), quoted.message());
    assertFalse(quoted.message().contains("Source"), quoted.message());
    assertTrue(quoted.message().endsWith("(line 2)"), quoted.message());
  }

  @Test
  void mistakesOfARecipeAreListedWhereverTheyWereFound() {
    InvalidConfigException invalid =
        new InvalidConfigException(List.of(new Problem("a", "is wrong"), new Problem("b", "too")));
    assertSaid(2, "2 mistakes:\n  a: is wrong\n  b: too", new CompletionException(invalid));
    assertFalse(of(invalid).isTraced());
  }

  @Test
  void aFaultNamesItselfAndItsPlace() {
    Failure failure = of(new IllegalStateException("the sum is wrong\nand more"));
    assertEquals(1, failure.code());
    assertTrue(
        failure
            .message()
            .matches(
                "a fault of the program: IllegalStateException: the sum is wrong"
                    + " \\(FailureTest.java:\\d+\\)"),
        failure.message());
    assertTrue(failure.isTraced());
  }

  @Test
  void causesThatGoInACircleEnd() {
    IllegalStateException one = new IllegalStateException("one");
    one.initCause(new IllegalStateException("two", one));
    assertEquals(1, of(one).code());
  }

  @Test
  void theCommandLineExplainsErrorsToo() {
    CommandLine line = Main.commandLine();
    line.addSubcommand("overflow", new Overflow());
    StringWriter err = new StringWriter();
    line.setErr(new PrintWriter(err));
    assertEquals(2, line.execute("overflow"));
    assertTrue(err.toString().startsWith("an input is nested too deeply"), err.toString());
    assertTrue(err.toString().contains("the stack trace is in "), err.toString());
    assertEquals(2, err.toString().lines().count());
  }

  @CommandLine.Command(name = "overflow")
  private static final class Overflow implements Runnable {
    @Override
    public void run() {
      throw new StackOverflowError();
    }
  }

  @Test
  void aFailedDiskOrMountIsNoMistake() {
    assertSaid(
        76,
        "cannot write run/metrics.jsonl: Input/output error",
        new UncheckedIOException(
            "cannot write run/metrics.jsonl", new IOException("Input/output error")));
    assertSaid(
        76,
        "cannot read x: y: Stale file handle",
        new UncheckedIOException(
            "cannot read x", new FileSystemException("y", null, "Stale file handle")));
    assertEquals(
        76, of(new EngineException("CUDA error: uncorrectable ECC error encountered")).code());
    assertEquals(1, of(new EngineException("CUDA error: invalid argument")).code());
  }

  @Test
  void codesHaveOneTable() throws IOException {
    CommandLine line = Main.commandLine();
    assertEquals(
        List.of(0, 1, 2, 3, 75, 76, 77, 78, 79),
        Stream.of(ExitCode.values()).map(ExitCode::code).toList());
    assertTrue(
        Files.readString(Path.of("..", "README.md")).contains(ExitCode.markdown()),
        "README.md should have this table:\n" + ExitCode.markdown());
    assertEquals(ExitCode.table(), line.getCommandSpec().usageMessage().exitCodeList());
    String help = line.getUsageMessage();
    ExitCode.table().keySet().forEach(code -> assertTrue(help.contains(code.strip()), help));
  }

  @Test
  void everyCommandsHelpNamesTheCodes() {
    assertNamed(Main.commandLine());
  }

  private static void assertNamed(CommandLine parent) {
    parent
        .getSubcommands()
        .forEach(
            (name, command) -> {
              String help = command.getUsageMessage().replaceAll("\\s+", " ");
              assertTrue(help.contains(ExitCode.FOOTER), help);
              assertNamed(command);
            });
  }
}
