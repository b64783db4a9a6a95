package dev.palimpsest.cli.terminal;

import dev.palimpsest.files.Json;
import dev.palimpsest.stages.folder.RunFolder;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/**
 * {@code --json} of a command that can also write a file. Without the name of one it does what
 * {@code --json} does in every command: JSON takes the table's place on standard output.
 */
public final class JsonOption {
  private static final String PRINTED = "-";

  @Option(
      names = "--json",
      arity = "0..1",
      fallbackValue = PRINTED,
      paramLabel = "FILE",
      description = {
        "Prints JSON, in place of a table.",
        "With FILE: prints the table and writes JSON to that file."
      })
  @Nullable String file;

  /** Where a table is printed; nowhere if JSON takes its place. */
  public PrintWriter table(CommandSpec spec) {
    return isPrinted() ? new PrintWriter(Writer.nullWriter(), false) : spec.commandLine().getOut();
  }

  /**
   * Where lines are printed while the command works; standard error if JSON is all that standard
   * output is to have.
   */
  public PrintWriter lines(CommandSpec spec) {
    return isPrinted() ? spec.commandLine().getErr() : spec.commandLine().getOut();
  }

  /** Prints or writes a value, if that was asked for. */
  public void tell(CommandSpec spec, Object value) {
    if (file == null) {
      return;
    }
    if (isPrinted()) {
      PrintWriter out = spec.commandLine().getOut();
      out.print(Json.indented(value));
      out.flush();
    } else {
      RunFolder.writeJson(Path.of(file).toAbsolutePath(), value);
    }
  }

  private boolean isPrinted() {
    return PRINTED.equals(file);
  }
}
