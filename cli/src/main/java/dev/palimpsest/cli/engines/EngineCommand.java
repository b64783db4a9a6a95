package dev.palimpsest.cli.engines;

import dev.palimpsest.cli.terminal.UserMistake;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest engine}: builds of libtorch besides the one for the CPU. */
@Command(
    name = "engine",
    mixinStandardHelpOptions = true,
    description = {
      "Fetches and finds builds of libtorch besides the one for the CPU that the program is built with.",
      "'./palimpsest --engine cuda COMMAND' does both and runs the command with it."
    },
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {EngineCommand.Fetch.class, EngineCommand.Find.class})
public final class EngineCommand implements Runnable {
  /** Names the folder of fetched engines. */
  static final String CACHE_VARIABLE = "PALIMPSEST_ENGINES";

  private static final String CUDA = "cuda";

  @Spec CommandSpec spec;

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  /** The folder of fetched engines. */
  static final class Cache {
    @Option(
        names = "--into",
        paramLabel = "DIR",
        description =
            "Folder of fetched engines. Default: $PALIMPSEST_ENGINES, or palimpsest/engines in"
                + " $XDG_CACHE_HOME or ~/.cache.")
    private @Nullable Path into;

    Path folder() {
      Path folder = into == null ? byDefault(System.getenv()) : into;
      return folder.toAbsolutePath().normalize();
    }

    static Path byDefault(Map<String, String> environment) {
      String named = environment.getOrDefault(CACHE_VARIABLE, "");
      if (!named.isEmpty()) {
        return Path.of(named);
      }
      String caches = environment.getOrDefault("XDG_CACHE_HOME", "");
      Path parent =
          caches.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(caches);
      return parent.resolve("palimpsest/engines");
    }
  }

  private static Path fetched(FetchedEngine engine, Path cache, PrintWriter say) {
    return new EngineFetcher(engine, cache, "mvn", say).fetch();
  }

  /** {@code engine fetch cuda}. */
  @Command(
      name = "fetch",
      mixinStandardHelpOptions = true,
      description = {
        "Fetches an engine through Maven: about 3 GB, once. Prints its folder.",
        "Shows first what it fetches, and under which licences."
      })
  static final class Fetch implements Runnable {
    @Spec CommandSpec spec;

    @Parameters(paramLabel = "cuda", description = "The engine.")
    String name;

    @Mixin Cache cache;

    @Override
    public void run() {
      if (!name.equals(CUDA)) {
        throw new UserMistake("the only engine that can be fetched is cuda; got '" + name + "'");
      }
      CommandLine line = spec.commandLine();
      line.getOut().println(fetched(FetchedEngine.cuda(), cache.folder(), line.getErr()));
    }
  }

  /** {@code engine find NAME}. */
  @Command(
      name = "find",
      mixinStandardHelpOptions = true,
      description = {
        "Prints the environment variables that a process needs to compute with an engine, one per line.",
        "Fetches the engine if it is cuda and not there yet."
      })
  static final class Find implements Runnable {
    @Spec CommandSpec spec;

    @Parameters(
        paramLabel = "cuda|DIR",
        description = "The fetched engine, or the folder of a site's own PyTorch.")
    String name;

    @Mixin Cache cache;

    @Override
    public void run() {
      FetchedEngine cuda = FetchedEngine.cuda();
      CommandLine line = spec.commandLine();
      Path engines = cache.folder();
      EngineFolders folders;
      if (name.equals(CUDA)) {
        Path engine = fetched(cuda, engines, line.getErr());
        Path torch = engine.resolve(FetchedEngine.TORCH);
        List<Path> libraries = List.of(torch, engine.resolve(FetchedEngine.CUDA));
        folders = new EngineFolders(torch, libraries, cuda.libtorch(), cuda.flavor(), true);
      } else {
        Optional<String> told = Optional.ofNullable(System.getenv("PYTORCH_VERSION"));
        folders = SiteEngine.find(Path.of(name), cuda.libtorch(), told, engines);
      }
      folders
          .variables(System.getenv())
          .forEach((variable, value) -> line.getOut().println(variable + " " + value));
    }
  }
}
