package dev.palimpsest.stages.training;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.evaluation.SuiteConfig;
import dev.palimpsest.eval.EvaluatedModel;
import dev.palimpsest.eval.Evaluator;
import dev.palimpsest.eval.Selection;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.stages.state.TrainState;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The scoring of a stage's states on a rank other than the first: it answers what the first one
 * asks, whose {@link Evaluations} keep and judge the answers.
 */
public final class OthersScoring implements Scoring {
  private static final Logger log = LoggerFactory.getLogger(OthersScoring.class);

  private final StageConfig stage;
  private final Map<String, SuiteConfig> suites;
  private final VisionLanguageModel model;
  private final Tokenizer tokenizer;
  private final StopRequest stop;
  private final Collectives ranks;

  /**
   * Takes part in the evaluations of a stage.
   *
   * @param suites the recipe's, by name
   */
  public OthersScoring(
      StageConfig stage,
      Map<String, SuiteConfig> suites,
      VisionLanguageModel model,
      Tokenizer tokenizer,
      StopRequest stop,
      Collectives ranks) {
    this.stage = stage;
    this.suites = suites;
    this.model = model;
    this.tokenizer = tokenizer;
    this.stop = stop;
    this.ranks = ranks;
  }

  @Override
  public void score(String moment, NDManager manager, TrainState state) {
    EvaluatedModel evaluated = evaluated(stage, model, tokenizer, state, "the first rank's");
    for (String name = announced(ranks, ""); !name.isEmpty(); name = announced(ranks, "")) {
      log.debug("{}: scoring {} {}", stage.name(), name, moment);
      answer(evaluated, name, manager);
    }
  }

  private void answer(EvaluatedModel evaluated, String name, NDManager manager) {
    SuiteConfig suite = Objects.requireNonNull(suites.get(name), name);
    Path nowhere = Path.of(""); // the first rank keeps the answers
    try (Evaluator evaluator =
        new Evaluator(
            evaluated,
            stage.evaluate().batchSize(),
            manager,
            nowhere,
            Selection.ALL,
            ranks,
            () -> obey(ranks, stop, name))) {
      evaluator.takePart(suite.tasks());
    } catch (StoppedException e) {
      log.debug("{}", e.getMessage()); // as on all ranks; the first one says how to go on
    }
  }

  /** A stage's state as all ranks ask it, in the same way. */
  static EvaluatedModel evaluated(
      StageConfig stage,
      VisionLanguageModel model,
      Tokenizer tokenizer,
      TrainState state,
      String identity) {
    return new EvaluatedModel(
        model,
        Weights.of(state.parameters()),
        tokenizer,
        stage.resolution(),
        stage.image(),
        stage.textTokens(),
        stage.taskPrefix(),
        identity);
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
