package dev.palimpsest.cli.commands;

import dev.palimpsest.cli.lineage.Difference;
import dev.palimpsest.cli.lineage.Graph;
import dev.palimpsest.cli.lineage.GraphSvg;
import dev.palimpsest.cli.lineage.GraphText;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.folder.RunFolder;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest lineage}: where a checkpoint comes from. */
@Command(
    name = "lineage",
    mixinStandardHelpOptions = true,
    description = {
      "Shows what a checkpoint was made from, back to the published files.",
      "Parents in other run folders are followed if those still exist.",
      "CHECKPOINT is a training checkpoint, an export, or the folder of a stage or run.",
      "Sizes and SHA-256 of exports are verified; the exit code is 2 if one was altered."
    })
public final class LineageCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  @Parameters(index = "0", arity = "0..1", paramLabel = "CHECKPOINT", description = "What to draw.")
  @Nullable Path checkpoint;

  @Option(names = "--svg", paramLabel = "FILE", description = "Also writes the drawing as SVG.")
  @Nullable Path svg;

  @Option(names = "--json", description = "Prints the nodes as a JSON array, parents by their ids.")
  boolean json;

  @Override
  public Integer call() {
    if (checkpoint == null) {
      throw new UserMistake("expected a CHECKPOINT, or 'diff A B'");
    }
    Graph graph = Graph.of(checkpoint);
    spec.commandLine().getOut().print(json ? graph.json() : GraphText.of(graph));
    spec.commandLine().getOut().flush();
    if (svg != null) {
      RunFolder.writeText(svg.toAbsolutePath(), GraphSvg.of(graph));
    }
    graph.altered().forEach(spec.commandLine().getErr()::println);
    spec.commandLine().getErr().flush();
    return (graph.altered().isEmpty() ? ExitCode.DONE : ExitCode.MISTAKE).code();
  }

  @Command(
      name = "diff",
      mixinStandardHelpOptions = true,
      description = {
        "Explains what differs between two checkpoints.",
        "It compares settings, data, tokenizer, code, machine and ancestors."
      })
  void diff(
      @Parameters(index = "0", paramLabel = "A", description = "As CHECKPOINT above.") Path a,
      @Parameters(index = "1", paramLabel = "B", description = "As CHECKPOINT above.") Path b,
      @Option(names = "--json", description = "Prints a JSON array of the lines.") boolean lines) {
    List<String> difference = Difference.between(a, b);
    PrintWriter out = spec.commandLine().getOut();
    if (lines) {
      out.print(Json.indented(difference));
    } else {
      difference.forEach(out::println);
    }
  }
}
