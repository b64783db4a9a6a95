package dev.palimpsest.cli.commands;

import dev.palimpsest.cli.runs.Pruning;
import dev.palimpsest.cli.runs.Pruning.Removable;
import dev.palimpsest.cli.runs.Runs;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.files.Escape;
import dev.palimpsest.files.Json;
import java.io.Console;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest prune}: frees disk space that runs no longer need. */
@Command(
    name = "prune",
    mixinStandardHelpOptions = true,
    description = {
      "Removes from runs what is not needed to resume, reproduce or explain them: older checkpoints of a stage, states before steps that the guard objected to, and with --exports what can be exported again.",
      "A stage's newest checkpoint stays, and so does every checkpoint that a run beside it was made from. Asks before it removes."
    })
public final class PruneCommand implements Runnable {
  @Spec CommandSpec spec;

  @Parameters(
      arity = "1..*",
      paramLabel = "DIR",
      description = "Run folders, or folders that hold some. Runs under way are refused.")
  List<Path> folders;

  @Option(names = "--exports", description = "Removes exports too.")
  boolean exports;

  @Option(names = "--dry-run", description = "Says what would be removed, and removes nothing.")
  boolean dryRun;

  @Option(names = "--yes", description = "Does not ask.")
  boolean yes;

  @Option(
      names = "--json",
      description = "Prints a JSON object. Does not ask; needs --yes or --dry-run.")
  boolean json;

  @Override
  @SuppressWarnings("SystemConsoleNull") // as in RunModule
  public void run() {
    PrintWriter out = spec.commandLine().getOut();
    List<Removable> found = new ArrayList<>();
    for (Path folder : folders) {
      List<Path> runs = Runs.in(folder);
      if (runs.isEmpty()) {
        throw new UserMistake(folder + ": there is no run in this folder, and it is none itself");
      }
      for (Path run : runs) {
        found.addAll(Pruning.of(run, exports));
      }
    }
    long bytes = found.stream().mapToLong(Removable::bytes).sum();
    Console console = System.console();
    if (!json) {
      found.forEach(
          one ->
              out.println(
                  "%9s  %s  (%s)"
                      .formatted(
                          Runs.size(one.bytes()),
                          Escape.line(one.place().toString()),
                          one.what())));
      out.println("%s in all".formatted(Runs.size(bytes)));
      out.flush();
    }
    boolean remove = !dryRun && !found.isEmpty() && (yes || agreed(console, bytes));
    if (remove) {
      found.forEach(Pruning::remove);
    }
    if (json) {
      Map<String, Object> told = new LinkedHashMap<>();
      told.put("removed", remove);
      told.put("bytes", bytes);
      told.put("places", found.stream().map(one -> one.place().toString()).toList());
      out.println(Json.indented(told));
    } else if (!found.isEmpty()) {
      out.println(remove ? "removed" : "nothing was removed");
    }
  }

  private boolean agreed(@org.jspecify.annotations.Nullable Console console, long bytes) {
    if (console == null || json) {
      throw new UserMistake("there is no terminal to ask on: add --yes to remove, or --dry-run");
    }
    String answer = console.readLine("Remove %s? [y/N] ", Runs.size(bytes));
    return answer != null && answer.strip().matches("(?i)y(es)?");
  }
}
