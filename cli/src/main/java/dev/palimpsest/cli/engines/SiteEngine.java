package dev.palimpsest.cli.engines;

import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.files.ContentHash;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A site's own PyTorch: the folder of {@code libtorch.so} in a Python environment or in an unpacked
 * libtorch. DJL's bridge is compiled for one version of libtorch and cannot be linked with much
 * later ones. A site may put its own bridge, {@code libdjl_torch.so}, beside {@code libtorch.so},
 * which may then be a symbolic link.
 */
final class SiteEngine {
  private static final String LIBTORCH = "libtorch.so";
  private static final String BRIDGE = "libdjl_torch.so";
  private static final String RUNTIME = "libcudart.so";

  /** Where the library may be, relative to the folder that users name. */
  private static final List<String> PLACES =
      List.of("", "lib", "torch/lib", "lib/python3/dist-packages/torch/lib");

  /** Files that contain the version, relative to the folder of the library. */
  private static final Map<String, Pattern> VERSIONS =
      Map.of(
          "../version.py", Pattern.compile("(?m)^__version__ *= *['\"]([0-9]+\\.[0-9]+\\.[0-9]+)"),
          "../build-version", Pattern.compile("^([0-9]+\\.[0-9]+\\.[0-9]+)"),
          "../include/torch/csrc/api/include/torch/version.h",
              Pattern.compile("define +TORCH_VERSION +\"([0-9]+\\.[0-9]+\\.[0-9]+)"));

  private SiteEngine() {}

  /**
   * Examines a site's PyTorch.
   *
   * @param named the folder that users name
   * @param bridged version of libtorch that DJL's bridge is compiled for
   * @param told the version given by users, if the files do not contain one
   * @param cache for links to libraries that DJL would not find by their names
   * @throws UserMistake when there is none, or one of another version
   */
  static EngineFolders find(Path named, String bridged, Optional<String> told, Path cache) {
    Path folder =
        PLACES.stream()
            .map(named::resolve)
            .filter(place -> Files.exists(place.resolve(LIBTORCH)))
            .findFirst()
            .orElseThrow(
                () ->
                    new UserMistake(
                        "--engine must be cpu, cuda or a folder that holds %s, such as torch/lib of a Python environment; got '%s', which %s"
                            .formatted(
                                LIBTORCH,
                                named,
                                Files.isDirectory(named) ? "holds none" : "is no folder")))
            .toAbsolutePath()
            .normalize();
    Path real = real(folder.resolve(LIBTORCH));
    boolean hasBridge = Files.exists(folder.resolve(BRIDGE));
    String version =
        version(real)
            .or(() -> told)
            .orElseThrow(
                () ->
                    new UserMistake(
                        "cannot find the version of %s: there is no version.py, build-version or version.h beside its folder; set PYTORCH_VERSION=%s if that is its version"
                            .formatted(folder.resolve(LIBTORCH), bridged)));
    if (!hasBridge && !series(version).equals(series(bridged))) {
      throw new UserMistake(
          "the libtorch in %s is %s, and DJL's bridge is compiled for %s: use PyTorch %s or '--engine cuda', or put your own bridge (%s) beside it"
              .formatted(folder, version, bridged, bridged, BRIDGE));
    }
    boolean hasCuda = Files.exists(real.resolve("libtorch_cuda.so"));
    List<Path> libraries = new ArrayList<>();
    libraries.add(real);
    if (hasCuda) {
      runtime(real).map(runtime -> linked(runtime, cache)).ifPresent(libraries::add);
    }
    return new EngineFolders(folder, libraries, version, hasCuda ? "cu128" : "cpu", hasCuda);
  }

  private static Path real(Path library) {
    try {
      return library.toRealPath().resolveSibling("");
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + library, e);
    }
  }

  /** {@code 2.7} of 2.7.1. */
  private static String series(String version) {
    return version.substring(0, version.lastIndexOf('.'));
  }

  private static Optional<String> version(Path folder) {
    for (Map.Entry<String, Pattern> entry : VERSIONS.entrySet()) {
      Path file = folder.resolve(entry.getKey());
      if (Files.isReadable(file)) {
        try {
          Matcher version =
              entry.getValue().matcher(Files.readString(file, StandardCharsets.UTF_8));
          if (version.find()) {
            return Optional.of(version.group(1));
          }
        } catch (IOException e) {
          throw new UncheckedIOException("cannot read " + file, e);
        }
      }
    }
    return Optional.empty();
  }

  /**
   * The CUDA runtime: beside libtorch, or in NVIDIA's packages of the Python environment. Its name
   * ends in a version, and begins with a hash in unpacked libtorches.
   */
  private static Optional<Path> runtime(Path torch) {
    List<Path> folders = new ArrayList<>(List.of(torch));
    Path packages = torch.resolve("../../nvidia").normalize();
    if (Files.isDirectory(packages)) {
      try (Stream<Path> list = Files.list(packages)) {
        list.sorted()
            .map(one -> one.resolve("lib"))
            .filter(Files::isDirectory)
            .forEach(folders::add);
      } catch (IOException e) {
        throw new UncheckedIOException("cannot read " + packages, e);
      }
    }
    return folders.stream().flatMap(SiteEngine::runtimes).findFirst();
  }

  private static Stream<Path> runtimes(Path folder) {
    try (Stream<Path> list = Files.list(folder)) {
      return list
          .filter(file -> file.getFileName().toString().matches("libcudart(-[0-9a-f]+)?\\.so.*"))
          .sorted(Comparator.naturalOrder())
          .toList()
          .stream();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + folder, e);
    }
  }

  /** A folder in which the library has the name that DJL looks for. */
  private static Path linked(Path runtime, Path cache) {
    Path folder = cache.resolve("site-" + ContentHash.of(runtime.toString()).substring(0, 12));
    Path link = folder.resolve(RUNTIME);
    try {
      if (!Files.isSymbolicLink(link)) {
        Files.createDirectories(folder);
        Path temporary = folder.resolve("." + RUNTIME + "-" + ProcessHandle.current().pid());
        Files.deleteIfExists(temporary);
        Files.createSymbolicLink(temporary, runtime);
        Files.move(temporary, link, StandardCopyOption.ATOMIC_MOVE);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot link " + runtime + " into " + folder, e);
    }
    return folder;
  }
}
