package dev.palimpsest.cli.terminal;

import ai.djl.engine.EngineException;
import com.fasterxml.jackson.core.JsonProcessingException;
import dev.palimpsest.checkpoints.CheckpointWriteException;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.cli.machine.UnusableDeviceException;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import dev.palimpsest.eval.metrics.MetricInputException;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import dev.palimpsest.model.ranks.CollectiveException;
import dev.palimpsest.stages.DataChangedException;
import dev.palimpsest.stages.GateClosedException;
import dev.palimpsest.stages.folder.RunFolderInUseException;
import dev.palimpsest.stages.preparation.ContaminatedException;
import dev.palimpsest.stages.step.DivergenceException;
import dev.palimpsest.stages.training.StoppedException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The message and exit code of a failed command, whatever was thrown, and wherever the reason is in
 * the chain of causes.
 *
 * @param code see {@link ExitCode}
 * @param message one sentence, or the lines of one of our own exceptions
 * @param isTraced whether the stack trace is worth keeping, which it is not for a user's mistake
 */
public record Failure(int code, String message, boolean isTraced) {
  /**
   * The engine's messages if memory is exhausted: libtorch's, CUDA's and those of the C++ library.
   */
  private static final Pattern NO_MEMORY =
      Pattern.compile(
          "can't allocate memory|not enough memory|[Oo]ut of"
              + " memory|std::bad_alloc|CUBLAS_STATUS_ALLOC_FAILED");

  /** The system's messages if a disk, a mount or a connection has failed. */
  private static final Pattern BROKEN_SYSTEM =
      Pattern.compile(
          "Input/output error|Remote I/O error|Stale (NFS )?file handle|Transport endpoint is not"
              + " connected|Connection (timed out|reset|refused)|Host is down|No route to host"
              + "|Network is (down|unreachable)|No such device");

  /** The engine's messages if a GPU or its driver has failed, and not what it was asked for. */
  private static final Pattern BROKEN_DEVICE =
      Pattern.compile(
          "CUDA error: (uncorrectable ECC|unspecified launch failure|an illegal instruction|unknown"
              + " error|hardware stack error|OS call failed|system (not yet"
              + " initialized|driver mismatch)|the launch timed out)|CUDA-capable device\\(s\\)"
              + " is/are busy|fallen off the bus|NCCL [Ee]rror");

  private static final Pattern ASKED =
      Pattern.compile("[Tt]ried to allocate ([0-9.]+ ?[KMGT]?i?B|[0-9]+ bytes)");

  /** Jackson's description of the location, on a line of its own. */
  private static final Pattern PARSER_PLACE =
      Pattern.compile("\\s*\\R\\s*at \\[Source: [^\\n]*?line: (\\d+), column: -?\\d+\\]");

  private static final Pattern PARSER_MARK =
      Pattern.compile(" ?\\(start marker at \\[Source: [^\\n]*?\\]\\)");

  /** A line of a TorchScript or Python trace that says what happened. */
  private static final Pattern RAISED = Pattern.compile("^\\s*[A-Za-z.]*(?:Error|Exception): (.+)");

  /**
   * Explains a failure.
   *
   * @param command the command's name, such as {@code run}, on which the advice depends
   */
  public static Failure of(Throwable thrown, String command) {
    List<Throwable> chain = chain(thrown);
    for (Throwable t : chain) {
      if (t instanceof OutOfMemoryError memory) {
        return of(ExitCode.HEAP_EXHAUSTED, heap(memory, command), true);
      }
      if (t instanceof StackOverflowError) {
        return of(
            ExitCode.MISTAKE,
            "an input is nested too deeply to be read (the JVM's stack is exhausted"
                + at(t)
                + "); if this is intended, PALIMPSEST_JAVA_OPTS=-Xss64m provides more",
            true);
      }
      if (t instanceof EngineException
          && NO_MEMORY.matcher(String.valueOf(t.getMessage())).find()) {
        return of(ExitCode.DEVICE_MEMORY_EXHAUSTED, device(t, command), true);
      }
    }
    boolean broken = chain.stream().anyMatch(Failure::isOfTheSystem);
    for (Throwable t : chain) {
      Optional<Failure> known = known(t);
      if (known.isPresent()) {
        Failure failure = known.get();
        return broken && failure.code == ExitCode.MISTAKE.code()
            ? of(ExitCode.INFRASTRUCTURE, failure.message, false)
            : failure;
      }
    }
    Throwable root = chain.get(chain.size() - 1);
    return of(
        ExitCode.CHECK_FAILED,
        "a fault of the program: %s%s".formatted(sentence(root), at(root)),
        true);
  }

  private static Failure of(ExitCode exit, String message, boolean isTraced) {
    return new Failure(exit.code(), message, isTraced);
  }

  /**
   * Whether a disk, a mount or a connection failed, which no correction of the user's would mend.
   */
  private static boolean isOfTheSystem(Throwable t) {
    return t instanceof IOException && BROKEN_SYSTEM.matcher(String.valueOf(t.getMessage())).find();
  }

  private static List<Throwable> chain(Throwable thrown) {
    List<Throwable> chain = new ArrayList<>();
    for (Throwable t = thrown; t != null && !chain.contains(t); t = t.getCause()) {
      chain.add(t);
    }
    return chain;
  }

  private static Optional<Failure> known(Throwable t) {
    if (t instanceof DataChangedException changed) {
      return Optional.of(of(ExitCode.DATA_CHANGED, problems(changed), false));
    }
    if (t instanceof InvalidConfigException invalid) {
      return Optional.of(mistake(problems(invalid)));
    }
    if (t instanceof CollectiveException) {
      return Optional.of(of(ExitCode.INFRASTRUCTURE, said(t), false));
    }
    if (t instanceof StoppedException) {
      return Optional.of(of(ExitCode.STOPPED, said(t), false));
    }
    if (t instanceof DivergenceException
        || t instanceof GateClosedException
        || t instanceof ContaminatedException) {
      return Optional.of(of(ExitCode.POLICY_STOP, said(t), false));
    }
    if (t instanceof UserMistake
        || t instanceof UnusableDeviceException
        || t instanceof RunFolderInUseException
        || t instanceof CheckpointWriteException
        || t instanceof CheckpointFormatException
        || t instanceof BadExampleException
        || t instanceof MalformedFileException
        || t instanceof BenchmarkFormatException
        || t instanceof MetricInputException) {
      return Optional.of(mistake(said(t)));
    }
    if (t instanceof InvalidPathException) {
      return Optional.of(mistake("not the name of a file: " + said(t)));
    }
    if (t instanceof UncheckedIOException unchecked) {
      return Optional.of(mistake(file(unchecked)));
    }
    if (t instanceof IOException io) {
      return Optional.of(mistake("cannot read or write: " + file(io)));
    }
    if (t instanceof EngineException || t instanceof LinkageError) {
      return Optional.of(
          of(
              BROKEN_DEVICE.matcher(String.valueOf(t.getMessage())).find()
                  ? ExitCode.INFRASTRUCTURE
                  : ExitCode.CHECK_FAILED,
              "the engine failed: " + engine(chain(t)),
              true));
    }
    return Optional.empty();
  }

  private static Failure mistake(String message) {
    String placed = PARSER_PLACE.matcher(message).replaceAll(" (line $1)");
    return of(ExitCode.MISTAKE, PARSER_MARK.matcher(placed).replaceAll(""), false);
  }

  /** The message of one of our own exceptions, which is written for people. */
  private static String said(Throwable t) {
    return t.getMessage() == null ? sentence(t) : t.getMessage();
  }

  private static String problems(InvalidConfigException invalid) {
    int n = invalid.problems().size();
    StringBuilder lines = new StringBuilder(n == 1 ? "1 mistake:" : n + " mistakes:");
    for (Problem problem : invalid.problems()) {
      lines.append("\n  ").append(problem);
    }
    return lines.toString();
  }

  // ---- Files

  private static String file(UncheckedIOException unchecked) {
    @Nullable IOException cause = unchecked.getCause();
    String message = unchecked.getMessage();
    if (cause == null) {
      return said(unchecked);
    }
    if (message == null || message.equals(cause.toString())) {
      return "cannot read or write: " + file(cause);
    }
    if (cause instanceof FileSystemException system && system.getFile() != null) {
      String why = why(system);
      String told = message.contains(system.getFile()) ? why : system.getFile() + ": " + why;
      return message.contains(why) ? message : message + ": " + told;
    }
    String reason = file(cause);
    return message.contains(String.valueOf(cause.getMessage())) || message.contains(reason)
        ? message
        : message + ": " + reason;
  }

  /** A file system's exception in words; its own message is only the file's name. */
  private static String file(IOException e) {
    if (e instanceof FileSystemException system) {
      return system.getFile() == null ? why(system) : system.getFile() + ": " + why(system);
    }
    if (e instanceof JsonProcessingException json) {
      return "not JSON: "
          + firstLine(json.getOriginalMessage())
          + (json.getLocation() == null ? "" : " (line " + json.getLocation().getLineNr() + ")");
    }
    // Picture writers hide the system's reason behind their own.
    Throwable root = chain(e).get(chain(e).size() - 1);
    return root instanceof IOException && root != e
        ? firstLine(e.getMessage()) + ": " + firstLine(root.getMessage())
        : e.getMessage() == null ? words(e.getClass().getSimpleName()) : firstLine(e.getMessage());
  }

  private static String why(FileSystemException e) {
    if (e instanceof NoSuchFileException) {
      return "there is no such file";
    }
    if (e instanceof AccessDeniedException) {
      return "permission denied";
    }
    return e.getReason() == null
        ? words(e.getClass().getSimpleName().replace("Exception", ""))
        : e.getReason();
  }

  /** {@code DirectoryNotEmpty} as {@code directory not empty}. */
  private static String words(String name) {
    return name.replaceAll("(?<=[a-z])(?=[A-Z])", " ").toLowerCase(Locale.ROOT);
  }

  // ---- Memory

  private static String heap(OutOfMemoryError e, String command) {
    String said = String.valueOf(e.getMessage());
    if (said.contains("native thread")) {
      return "the system allows no more threads (%s): see 'ulimit -u', or the container's limit of processes"
          .formatted(said);
    }
    if (said.contains("array size exceeds") || said.contains("length exceeds")) {
      return "an input is larger than a Java array can hold, 2 GiB (%s): split it"
          .formatted(said.toLowerCase(Locale.ROOT));
    }
    String heap = gibibytes(Runtime.getRuntime().maxMemory());
    if (said.contains("irect buffer") || said.contains("irect memory")) {
      return "the JVM's buffers are exhausted (%s): raise it with PALIMPSEST_JAVA_OPTS=-XX:MaxDirectMemorySize=SIZE, now %s; or %s"
          .formatted(said, heap, lower(command));
    }
    return "the Java heap of %s is exhausted: raise it, for example with PALIMPSEST_JAVA_OPTS=-Xmx16g; or %s"
        .formatted(heap, lower(command));
  }

  private static String device(Throwable t, String command) {
    Matcher asked = ASKED.matcher(String.valueOf(t.getMessage()));
    return "the memory for arrays is exhausted%s: %s"
        .formatted(asked.find() ? ", asked for " + asked.group(1) + " more" : "", lower(command));
  }

  /** What to lower in order to use less memory. */
  private static String lower(String command) {
    return switch (command) {
      case "run", "chaos", "replay" ->
          "lower the stage's microBatch (the update stays that of the whole batch),"
              + " evaluate.batchSize, textTokens or resolution";
      case "eval" -> "lower --batch-size or --resolution";
      case "predict" -> "lower --resolution or give fewer pictures";
      case "mixture" -> "lower --samples";
      case "score" -> "score the predictions in parts";
      case "step", "soak" -> "use a smaller --config";
      default -> "give it less to do at a time";
    };
  }

  private static String gibibytes(long bytes) {
    return String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1 << 30));
  }

  // ---- The engine

  /** The sentence that says what happened, from a trace in several languages. */
  private static String engine(List<Throwable> chain) {
    List<String> parts = new ArrayList<>();
    for (Throwable t : chain) {
      String part = sentence(t);
      if (parts.stream().noneMatch(before -> before.contains(part) || part.contains(before))) {
        parts.add(part);
      }
    }
    return String.join(": ", parts);
  }

  static String engineSentence(String message) {
    String raised = "";
    for (String line : message.split("\n")) {
      Matcher matcher = RAISED.matcher(line);
      if (matcher.find()) {
        raised = matcher.group(1).strip();
      }
    }
    return raised.isEmpty() ? firstLine(message) : raised;
  }

  // ---- Faults

  private static String sentence(Throwable t) {
    String message = t.getMessage();
    if (t instanceof EngineException && message != null) {
      return engineSentence(message);
    }
    String name = t.getClass().getSimpleName();
    return message == null || message.isBlank() ? name : name + ": " + firstLine(message);
  }

  /** Where in our code it happened. */
  private static String at(Throwable t) {
    for (StackTraceElement frame : t.getStackTrace()) {
      if (frame.getClassName().startsWith("dev.palimpsest.")) {
        return " (%s:%d)".formatted(frame.getFileName(), frame.getLineNumber());
      }
    }
    return "";
  }

  private static String firstLine(@Nullable String text) {
    return String.valueOf(text)
        .lines()
        .filter(line -> !line.isBlank())
        .findFirst()
        .orElse("")
        .strip();
  }
}
