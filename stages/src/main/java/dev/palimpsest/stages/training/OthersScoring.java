package dev.palimpsest.stages.training;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.evaluation.SuiteConfig;
import dev.palimpsest.eval.EvaluatedModel;
import dev.palimpsest.eval.Evaluator;
import dev.palimpsest.eval.Selection;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.stages.state.TrainState;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The scoring of a stage's states on a rank other than the first: it answers what the first one
 * asks, whose {@link Evaluations} keep and judge the answers.
 */
public final class OthersScoring implements Scoring {
  private static final Logger log = LoggerFactory.getLogger(OthersScoring.class);

  private final Run run;
  private final StageModel model;
  private final Collectives ranks;

  /** Takes part in the evaluations of a stage. */
  public OthersScoring(Run run, StageModel model, Collectives ranks) {
    this.run = run;
    this.model = model;
    this.ranks = ranks;
  }

  @Override
  public void score(String moment, NDManager manager, TrainState state) {
    EvaluatedModel evaluated = model.at(state, "the first rank's");
    for (String name = announced(ranks, ""); !name.isEmpty(); name = announced(ranks, "")) {
      log.debug("{}: scoring {} {}", model.stage().name(), name, moment);
      answer(evaluated, name, manager);
    }
  }

  private void answer(EvaluatedModel evaluated, String name, NDManager manager) {
    SuiteConfig suite = Objects.requireNonNull(run.recipe().suites().get(name), name);
    Path nowhere = Path.of(""); // the first rank keeps the answers
    try (Evaluator evaluator =
        new Evaluator(
            evaluated,
            model.stage().evaluate().batchSize(),
            manager,
            nowhere,
            Selection.ALL,
            ranks,
            () -> obey(ranks, run.stop(), name))) {
      evaluator.takePart(suite.tasks());
    } catch (StoppedException e) {
      log.debug("{}", e.getMessage()); // as on all ranks; the first one says how to go on
    }
  }

  /** The suite that the first rank is about to evaluate; empty: none is left. */
  static String announced(Collectives ranks, String suite) {
    byte[] name = ranks.announced(suite.getBytes(StandardCharsets.UTF_8));
    return new String(name, StandardCharsets.UTF_8);
  }

  /** Ends an evaluation on all ranks if any of them was asked to stop. */
  static void obey(Collectives ranks, StopRequest stop, String suite) {
    if (ranks.any(stop.isMade())) {
      stop.make();
    }
    stop.obey("while scoring " + suite);
  }
}
