package dev.palimpsest.stages.training;

import dev.palimpsest.configs.ExpectedLoss;
import dev.palimpsest.configs.StageConfig;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Compares the loss with the range that the recipe expects, and logs the result. */
final class LossBand {
  private static final Logger log = LoggerFactory.getLogger(LossBand.class);
  private static final int STEPS = 20;

  private final StageConfig stage;
  private final Deque<Double> last = new ArrayDeque<>();

  LossBand(StageConfig stage) {
    this.stage = stage;
  }

  /** Takes a step's loss, and compares where the recipe asks for it. */
  void step(long examples, double loss) {
    last.add(loss);
    if (last.size() > STEPS) {
      last.remove();
    }
    for (ExpectedLoss expected : stage.expectedLoss()) {
      if (Cadence.reaches(expected.examples(), stage.batchSize(), examples)) {
        double mean = last.stream().mapToDouble(Double::doubleValue).average().orElse(0);
        Optional<String> warning = warning(expected, examples, mean);
        if (warning.isPresent()) {
          log.warn("{}: {}", stage.name(), warning.get());
        } else {
          log.info(
              "{}: loss {} at {} examples, as expected ({} to {})",
              stage.name(),
              number(mean),
              examples,
              number(expected.from()),
              number(expected.to()));
        }
      }
    }
  }

  private Optional<String> warning(ExpectedLoss expected, long examples, double mean) {
    return mean >= expected.from() && mean <= expected.to()
        ? Optional.empty()
        : Optional.of(
            "LOSS OUTSIDE WHAT THE RECIPE EXPECTS: %s at %d examples (mean of %d steps), expected %s to %s; look at the data, the learning rate and what the stage started from before you go on"
                .formatted(
                    number(mean),
                    examples,
                    last.size(),
                    number(expected.from()),
                    number(expected.to())));
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.3f", value);
  }
}
