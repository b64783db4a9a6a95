package dev.palimpsest.cli;

import java.io.PrintWriter;
import java.io.StringWriter;

/**
 * What came of a command.
 *
 * @param exit its code
 */
public record Outcome(int exit, String out, String err) {
  /** Runs a command in this process. */
  public static Outcome of(String... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int exit =
        Main.commandLine().setOut(new PrintWriter(out)).setErr(new PrintWriter(err)).execute(args);
    return new Outcome(exit, out.toString(), err.toString());
  }
}
