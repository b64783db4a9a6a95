package dev.palimpsest.cli.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is to be launched, and on how much.
 *
 * @param name of the recipe
 * @param recipe file of the recipe
 * @param resolved the recipe as YAML with its variables and {@code --set} values in place
 * @param stages names in order; each becomes a job where there are jobs
 * @param out the run folder
 * @param options further words for {@code run}
 * @param nodes number of machines
 * @param processes on each
 * @param gpus on each; 0 for none
 */
record Job(
    String name,
    Path recipe,
    String resolved,
    List<String> stages,
    Path out,
    List<String> options,
    int nodes,
    int processes,
    int gpus) {
  /** Keeps copies. */
  Job {
    stages = List.copyOf(stages);
    options = List.copyOf(options);
  }

  int worldSize() {
    return nodes * processes;
  }

  /**
   * The words of a {@code run} after the program.
   *
   * @param recipe where it is found
   * @param until the last stage; null for all
   */
  List<String> run(Path recipe, @Nullable String until) {
    List<String> words =
        new ArrayList<>(List.of("run", recipe.toString(), "--out", out.toString()));
    if (until != null) {
      words.addAll(List.of("--until", until));
    }
    words.addAll(options);
    return words;
  }
}
