package dev.palimpsest.cli.engines;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a process needs to know before it starts in order to compute with a libtorch other than
 * Maven's.
 *
 * @param libtorch folder with {@code libtorch.so}, and with DJL's bridge if a site compiled its own
 * @param libraries folders where the system's loader looks first
 * @param version of libtorch
 * @param flavor of DJL's bridge
 * @param hasCuda whether it computes on GPUs; commands then do so by default
 */
record EngineFolders(
    Path libtorch, List<Path> libraries, String version, String flavor, boolean hasCuda) {
  /** Copies the list. */
  EngineFolders {
    libraries = List.copyOf(libraries);
  }

  /**
   * Variables of the environment: DJL's, the loader's, those of libraries behind libtorch, and the
   * default of {@code --device}.
   *
   * @param environment the current one
   */
  Map<String, String> variables(Map<String, String> environment) {
    String searched = environment.getOrDefault("LD_LIBRARY_PATH", "");
    Map<String, String> variables = new LinkedHashMap<>();
    variables.put("PYTORCH_LIBRARY_PATH", libtorch.toString());
    variables.put("PYTORCH_VERSION", version);
    variables.put("PYTORCH_FLAVOR", flavor);
    variables.put(
        "LD_LIBRARY_PATH",
        Stream.concat(
                libraries.stream().map(Path::toString),
                Stream.of(searched).filter(folders -> !folders.isEmpty()))
            .collect(Collectors.joining(":")));
    if (hasCuda) {
      // With it cuBLAS gives equal bits for equal inputs.
      variables.put(
          "CUBLAS_WORKSPACE_CONFIG",
          environment.getOrDefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8"));
      // Its threads spin after a product, and keep the processors from libtorch's own.
      variables.put("OPENBLAS_NUM_THREADS", environment.getOrDefault("OPENBLAS_NUM_THREADS", "1"));
      variables.put("PALIMPSEST_DEVICE", environment.getOrDefault("PALIMPSEST_DEVICE", "cuda"));
    }
    return variables;
  }
}
