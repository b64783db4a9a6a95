package dev.palimpsest.cli.commands;

import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.configs.checks.Suggestion;
import dev.palimpsest.configs.data.PrepareConfig.Fabricate;
import dev.palimpsest.configs.data.PrepareConfig.Fabricate.Model;
import dev.palimpsest.configs.data.PrepareConfig.Fabricate.Part;
import dev.palimpsest.stages.preparation.Fabrication;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/**
 * {@code palimpsest fabricate}: the files that stage 0 imports, at their true size, with random
 * values.
 */
@Command(
    name = "fabricate",
    mixinStandardHelpOptions = true,
    description = {
      "Writes the published files that stage 0 imports, with their names, layouts and sizes, but"
          + " random values, so that a recipe can be tried at its real size before the real files are available.",
      "Existing files are kept; after an interruption, run the same command again to continue."
    })
public final class FabricateCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  @Option(
      names = "--preset",
      required = true,
      paramLabel = "NAME",
      converter = PresetByName.class,
      description = "Which model's files: ${COMPLETION-CANDIDATES}.")
  Model preset;

  @Option(names = "--out", required = true, paramLabel = "DIR", description = "Folder to write to.")
  Path out;

  @Option(
      names = "--seed",
      defaultValue = "0",
      description = "Random seed; the same seed gives the same files. Default: ${DEFAULT-VALUE}.")
  long seed;

  @Option(
      names = "--parts",
      split = ",",
      paramLabel = "PART",
      converter = PartByName.class,
      description = {
        "What to write, separated by commas: ${COMPLETION-CANDIDATES}.",
        "Default: everything."
      })
  List<Part> parts = List.of(Part.values());

  static final class PresetByName implements ITypeConverter<Model> {
    @Override
    public Model convert(String name) {
      return named(Model.values(), "preset", name);
    }
  }

  static final class PartByName implements ITypeConverter<Part> {
    @Override
    public Part convert(String name) {
      return named(Part.values(), "part", name);
    }
  }

  private static <T> T named(T[] all, String kind, String name) {
    return Stream.of(all)
        .filter(one -> one.toString().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new TypeConversionException(
                    "unknown %s '%s'%s"
                        .formatted(
                            kind,
                            name,
                            Suggestion.among(name, Stream.of(all).map(T::toString).toList()))));
  }

  @Override
  public Integer call() {
    PrintWriter print = spec.commandLine().getOut();
    Fabricate settings =
        new Fabricate(
            out.toString(), preset.toString(), parts.stream().map(Part::toString).toList(), seed);
    new Fabrication(settings, "--out")
        .write(
            line -> {
              print.println(line);
              print.flush();
            });
    return ExitCode.DONE.code();
  }
}
