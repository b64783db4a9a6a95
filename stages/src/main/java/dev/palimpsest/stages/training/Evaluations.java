package dev.palimpsest.stages.training;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.evaluation.EarlyStopConfig;
import dev.palimpsest.configs.evaluation.ScoreChoice;
import dev.palimpsest.configs.evaluation.SuiteConfig;
import dev.palimpsest.eval.Evaluator;
import dev.palimpsest.eval.Selection;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.stages.folder.Scores;
import dev.palimpsest.stages.preparation.LongWork;
import dev.palimpsest.stages.state.TrainState;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Scores a stage's states on its suites. */
public final class Evaluations implements Scoring {
  private static final Logger log = LoggerFactory.getLogger(Evaluations.class);

  private final Run run;
  private final StageModel model;
  private final StageConfig stage;
  private final Scores scores;
  private final Collectives ranks;

  /**
   * The evaluations of a stage.
   *
   * @param scores the stage's stored results
   * @param ranks this process, the first, and those that answer with it, see {@link OthersScoring}
   */
  public Evaluations(Run run, StageModel model, Scores scores, Collectives ranks) {
    this.run = run;
    this.model = model;
    this.stage = model.stage();
    this.scores = scores;
    this.ranks = ranks;
  }

  /**
   * Scores a state on every suite that has no score for the moment yet. Returns early when the run
   * is to stop: a resumed run repeats this moment and reuses the answers that it has.
   */
  @Override
  public void score(String moment, NDManager manager, TrainState state) {
    for (String name : stage.evaluate().suites()) {
      if (run.stop().isMade()) {
        break;
      }
      if (scores.score(moment, name).isPresent()) {
        continue;
      }
      log.debug("{}: scoring {} {}", stage.name(), name, moment);
      SuiteConfig suite = Objects.requireNonNull(run.recipe().suites().get(name), name);
      SuiteResult result;
      OthersScoring.announced(ranks, name);
      try (Shown shown = new Shown(name);
          Evaluator evaluator =
              new Evaluator(
                  model.at(state, scores.fingerprint() + " at " + state.examples()),
                  stage.evaluate().batchSize(),
                  manager,
                  run.folder().predictions(stage.name(), moment, name),
                  Selection.ALL,
                  ranks,
                  shown)) {
        result = evaluator.evaluate(suite);
      } catch (StoppedException e) {
        break;
      }
      scores.write(moment, name, result);
      log.info("{}: {} {}: {}", stage.name(), name, moment, ScoreLine.of(result));
    }
    OthersScoring.announced(ranks, "");
  }

  /** The best score up to a state, if there is one. */
  public Optional<BestScore> best(ScoreChoice choice, long examples, double minimumGain) {
    return BestScore.of(scores.all(), choice, examples, minimumGain);
  }

  @Override
  public boolean isBest(TrainState state) {
    ScoreChoice choice = stage.checkpoint().best();
    return choice != null
        && best(choice, state.examples(), 0)
            .filter(score -> score.examples() == state.examples())
            .isPresent();
  }

  @Override
  public boolean isStuck(TrainState state) {
    EarlyStopConfig stopping = stage.earlyStop();
    if (stopping == null) {
      return false;
    }
    Optional<BestScore> best =
        best(stopping.score(), state.examples(), stopping.minimumGain())
            .filter(score -> score.since() >= stopping.patience());
    best.ifPresent(
        score ->
            log.info(
                "{}: ends early at {} of {} examples: {} has not improved for {} evaluations; the best was {}",
                stage.name(),
                state.examples(),
                stage.examples(),
                stopping.score().words(),
                score.since(),
                score.words()));
    return best.isPresent();
  }

  /** Shows how many answers of each task there are. */
  private final class Shown implements Evaluator.Watch, AutoCloseable {
    private final String suite;
    private String task = "";
    private LongWork.@Nullable Work work;

    Shown(String suite) {
      this.suite = suite;
    }

    @Override
    public void between() {
      run.stop().obey("while scoring " + suite);
    }

    @Override
    public void beforeRound() {
      OthersScoring.obey(ranks, run.stop(), suite);
    }

    @Override
    public void answered(String of, int answered, int questions) {
      if (work == null || !of.equals(task)) {
        close();
        task = of;
        work =
            run.progress()
                .begin(
                    "%s: scoring %s/%s".formatted(stage.name(), suite, of), "answers", questions);
      }
      work.done(answered);
    }

    @Override
    public void close() {
      if (work != null) {
        work.close();
      }
    }
  }
}
