package dev.palimpsest.cli.commands;

import ai.djl.Device;
import dev.palimpsest.cli.lineage.Reproduction;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest reproduce}: how to create a checkpoint again. */
@Command(
    name = "reproduce",
    mixinStandardHelpOptions = true,
    description = {
      "Prints the commands that reproduce a checkpoint, with its whole recipe.",
      "Warns about everything that could change the result; data and tokenizer are compared if they are available."
    })
public final class ReproduceCommand implements Runnable {
  @Spec CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "CHECKPOINT",
      description = "A training checkpoint, an export, or the folder of a stage or run.")
  Path checkpoint;

  @Option(names = "--json", description = "Prints a JSON object, in place of a script.")
  boolean json;

  @Override
  public void run() {
    Map<String, String> here = new LinkedHashMap<>();
    Environment.facts(Device.cpu()).forEach((name, value) -> here.put(name, String.valueOf(value)));
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.print(Reproduction.json(checkpoint, here));
    } else {
      Reproduction.of(checkpoint, here).forEach(out::println);
    }
  }
}
