package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.published.PositionEmbeddingResampler;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.model.kernels.Kernels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Resampled position embeddings. Names give their origin: {@code SET_NxN_from_MxM} comes from
 * {@code SET_MxM}, and {@code SET_NxN} from the next smaller grid of its set that is not itself a
 * result.
 */
final class PositionEmbeddingCase implements CaseKind {
  private static final String FILE = "posemb.safetensors";
  private static final Pattern NAME = Pattern.compile("(.+?)_(\\d+)x\\2(?:_from_(\\d+)x\\3)?");

  @Override
  public String description() {
    return "resampled position embeddings (" + FILE + ")";
  }

  @Override
  public boolean recognises(Path folder) {
    return Files.isRegularFile(folder.resolve(FILE));
  }

  @Override
  public void certify(Path folder, NDManager manager, Kernels kernels, Report report) {
    try (TensorSource tensors = TensorSource.open(folder.resolve(FILE))) {
      List<Grid> grids = new ArrayList<>();
      for (String name : tensors.names()) {
        Matcher m = NAME.matcher(name);
        if (m.matches()) {
          grids.add(
              new Grid(
                  name,
                  m.group(1),
                  Integer.parseInt(m.group(2)),
                  m.group(3) == null ? 0 : Integer.parseInt(m.group(3))));
        } else {
          report.absent("a name of the form SET_NxN or SET_NxN_from_MxM for " + name);
        }
      }
      for (Grid grid : grids) {
        source(grid, grids)
            .ifPresent(
                from ->
                    report.part(
                        from.name() + " -> " + grid.name(),
                        () -> compare(from, grid, tensors, manager, report)));
      }
    }
  }

  private static Optional<Grid> source(Grid grid, List<Grid> all) {
    return all.stream()
        .filter(g -> g.set().equals(grid.set()) && g.from() == 0)
        .filter(g -> grid.from() == 0 ? g.side() < grid.side() : g.side() == grid.from())
        .max(Comparator.comparingInt(Grid::side));
  }

  private static void compare(
      Grid from, Grid to, TensorSource tensors, NDManager parent, Report report) {
    long width = tensors.shape(from.name()).get(tensors.shape(from.name()).dimension() - 1);
    try (NDManager manager = parent.newSubManager()) {
      NDArray grid =
          tensors
              .toArray(manager, from.name())
              .reshape(new Shape((long) from.side() * from.side(), width));
      NDArray actual = PositionEmbeddingResampler.resample(grid, to.side() * to.side());
      report.check(
          from.name() + " -> " + to.name(),
          Values.absolute(Values.of(actual), Reference.values(tensors, to.name())),
          Tolerance.RESAMPLED);
    }
  }

  /** A named table; {@code from} is the side of its origin according to its name, or 0. */
  private record Grid(String name, String set, int side, int from) {}
}
