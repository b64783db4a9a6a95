package dev.palimpsest.stages.optimizer;

import ai.djl.ndarray.NDArray;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.stages.state.TrainState;
import java.util.ArrayList;
import java.util.List;

/** A parameter and its moments in memory, for an update. */
final class Loans implements AutoCloseable {
  private final List<Parameters.Loan> loans = new ArrayList<>();

  /**
   * Brings them to memory.
   *
   * @param kinds of moments
   */
  Loans(String name, TrainState state, List<String> kinds) {
    loans.add(state.parameters().lend(name, true));
    kinds.forEach(kind -> loans.add(state.moments(kind).lend(name, true)));
  }

  NDArray parameter() {
    return loans.get(0).array();
  }

  /** In the order of the kinds. */
  List<NDArray> moments() {
    return loans.stream().skip(1).map(Parameters.Loan::array).toList();
  }

  @Override
  public void close() {
    loans.forEach(Parameters.Loan::close);
  }
}
