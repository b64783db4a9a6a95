package dev.palimpsest.cli.commands;

import dev.palimpsest.configs.data.PrepareConfig;
import dev.palimpsest.mixtures.playground.Playground;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code palimpsest playground}: draws a dataset for experiments. */
@Command(
    name = "playground",
    mixinStandardHelpOptions = true,
    description =
        "Generates a small dataset: pictures with captions, questions, text and boxes, and a tokenizer.")
public final class PlaygroundCommand implements Runnable {
  @Spec CommandSpec spec;

  @Option(names = "--out", required = true, description = "Folder to write; absent or empty.")
  Path out;

  @Option(
      names = "--seed",
      defaultValue = "0",
      description = "Random seed; the same seed gives the same files. Default: ${DEFAULT-VALUE}.")
  long seed;

  @Option(
      names = "--train",
      defaultValue = "4000",
      description = "Number of training pictures. Default: ${DEFAULT-VALUE}.")
  int train;

  @Option(
      names = "--held-out",
      defaultValue = "200",
      description = "Number of held-out pictures. Default: ${DEFAULT-VALUE}.")
  int heldOut;

  @Override
  public void run() {
    Path folder =
        Playground.write(new PrepareConfig.Playground(out.toString(), seed, train, heldOut));
    spec.commandLine().getOut().println(folder);
  }
}
