package dev.palimpsest.configs.binding;

import dev.palimpsest.configs.HandOver;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.StorageConfig;
import dev.palimpsest.configs.checks.FileNames;
import dev.palimpsest.configs.checks.Suggestion;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Checks what no record can check by itself: references between parts of a recipe. It uses
 * everything that could be bound, so that a mistake elsewhere hides nothing.
 */
final class CrossChecks {
  private final Binder bound;
  private final Node.Mapping recipe;
  private final Set<String> tasks;
  private final Set<String> suites;
  private final PictureChecks pictures;

  /** Where the learning-rate curve of a stage ends, in examples, by the stage's name; if known. */
  private final Map<String, Long> curves = new HashMap<>();

  /**
   * Prepares the checks.
   *
   * @param recipe as written
   */
  CrossChecks(Binder bound, Node.Mapping recipe) {
    this.bound = bound;
    this.recipe = recipe;
    this.tasks = names(recipe, "tasks"); // including those with mistakes
    this.suites = names(recipe, "suites");
    this.pictures = new PictureChecks(bound);
  }

  private static Set<String> names(Node.Mapping mapping, String part) {
    return mapping.value(part) instanceof Node.Mapping named ? named.entries().keySet() : Set.of();
  }

  /**
   * Checks names that become names of files: those of the recipe, of tasks, suites and stages.
   *
   * @param run the run folder, if there is one
   */
  void names(@Nullable String run) {
    text("name").ifPresent(name -> name("name", name));
    tasks.forEach(task -> name(Paths.key("tasks", task), task));
    fileNames(bound, "suites", suites);
    if (recipe.value("suites") instanceof Node.Mapping all) {
      for (String suite : suites) {
        if (all.value(suite) instanceof Node.Mapping one) {
          taskNames(bound, one, Paths.key("suites", suite));
        }
      }
    }
    if (recipe.value("stages") instanceof Node.Sequence stages) {
      for (int i = 0; i < stages.members().size(); i++) {
        String at = Paths.index("stages", i) + ".name";
        text(at).ifPresent(name -> stageName(at, name, run));
      }
    }
  }

  /** Names of a suite's tasks, each of which has a file of predictions. */
  static void taskNames(Binder bound, Node.Mapping suite, String path) {
    fileNames(bound, path.isEmpty() ? "tasks" : path + ".tasks", names(suite, "tasks"));
  }

  private static void fileNames(Binder bound, String path, Set<String> names) {
    FileNames met = new FileNames();
    for (String name : names) {
      String at = Paths.key(path, name);
      FileNames.mistake(name).ifPresent(mistake -> bound.problem(at, mistake));
      met.meet(name).ifPresent(other -> bound.problem(at, alike(other)));
    }
  }

  private static String alike(String other) {
    return "only differs from '%s' in upper and lower case: their files would be the same on some systems"
        .formatted(other);
  }

  private void name(String at, String name) {
    FileNames.mistake(name).ifPresent(mistake -> bound.problem(at, mistake));
  }

  private void stageName(String at, String name, @Nullable String run) {
    if (FileNames.isOfRunFolder(name)) {
      bound.problem(
          at, "'%s' has another meaning in the run folder; use another name".formatted(name));
    }
    for (String made :
        List.of("prepare.playground.out", "prepare.towers.out", "prepare.fabricate.out")) {
      Optional<String> out = text(made);
      if (run != null && out.isPresent() && isIn(run, name, out.get())) {
        bound.problem(
            at, "'%s' is the folder that %s creates; use another name".formatted(name, made));
      }
    }
  }

  /** Whether a folder is a stage's folder, or inside it. */
  private static boolean isIn(String run, String stage, String folder) {
    try {
      Path root = Path.of(run).normalize();
      Path path = Path.of(folder).normalize();
      return path.startsWith(root)
          && path.getNameCount() > root.getNameCount()
          && path.getName(root.getNameCount()).toString().equalsIgnoreCase(stage);
    } catch (InvalidPathException e) {
      return false; // this is reported where it is used
    }
  }

  void stages(int count) {
    if (count == 0) {
      bound.problem("stages", "must have at least one stage");
    }
    Map<String, Integer> earlier = new LinkedHashMap<>();
    FileNames met = new FileNames();
    ScoreChecks scores = new ScoreChecks(bound);
    boolean allNamed = true;
    for (int i = 0; i < count; i++) {
      String stage = Paths.index("stages", i);
      pictures.resolution(stage);
      mixture(stage);
      curve(stage);
      suites(stage);
      init(stage, earlier, allNamed);
      scores.gates(stage, earlier);
      scores.choice(stage, stage + ".checkpoint.best");
      scores.choice(stage, stage + ".earlyStop");
      mask(stage);
      gradients(stage);
      Optional<String> name = bound.value(stage + ".name", String.class);
      allNamed &= name.isPresent();
      if (name.isPresent()) {
        met.meet(name.get()).ifPresent(other -> bound.problem(stage + ".name", alike(other)));
        Integer first = earlier.putIfAbsent(name.get(), i);
        if (first != null) {
          bound.problem(
              stage + ".name",
              "must be unique, but stages[" + first + "] is also called '" + name.get() + "'");
        }
      }
    }
  }

  /** Checks that what is trained on can be predicted, and what is exported be expressed. */
  private void mask(String stage) {
    Optional<StageConfig> bare = bound.value(stage, StageConfig.class);
    Optional<ModelConfig> base = bound.value("model", ModelConfig.class);
    if (bare.isEmpty() || base.isEmpty() || !pictures.inWholeWindows(stage)) {
      return; // a mistake that was reported already
    }
    ModelConfig model = bare.get().model(base.get());
    if (bare.get().lossFrom().compareTo(model.causalFrom()) < 0) {
      bound.problem(
          stage + ".lossFrom",
          "is 'prefix', but prompts are not causal: each of their tokens sees the one that it would"
              + " have to predict; write causalFrom: prefix or causalFrom: image as well");
    }
    if (!bare.get().export().formats().isEmpty()
        && !model.inexpressible(bare.get().resolution()).isEmpty()) {
      bound.problem(
          stage + ".export.formats",
          "must be [] for this model: %s"
              .formatted(String.join("; ", model.inexpressible(bare.get().resolution()))));
    }
    if (model.connector() == ModelConfig.Connector.MLP
        && bare.get().init() instanceof Init.FromPretrained from
        && from.model() != null) {
      bound.problem(
          stage + ".init.pretrained.model",
          "has a linear connector, and this model's is an MLP; import the two towers");
    }
    if (!bare.get().handOver().reset().isEmpty()
        && bare.get().init() instanceof Init.FromPretrained) {
      bound.problem(
          stage + ".handOver.reset",
          "needs a stage that starts from another one; import in a stage of its own with examples: 0");
    }
  }

  /** Checks that gradients of several micro batches have a place where they are added up. */
  private void gradients(String stage) {
    int batch = bound.value(stage + ".batchSize", Integer.class).orElse(1);
    int micro = bound.value(stage + ".microBatch", Integer.class).orElse(batch);
    String path = stage + ".storage.gradients";
    boolean recomputed =
        bound
            .value(path, StorageConfig.Gradients.class)
            .filter(StorageConfig.Gradients.RECOMPUTED::equals)
            .isPresent();
    if (recomputed && micro != batch) {
      bound.problem(
          path,
          "must be memory or disk, because gradients of a batch of %d in micro batches of %d are added up; recomputed is for a batch of one micro batch"
              .formatted(batch, micro));
    }
  }

  /** Checks that warm-up and cool-down are shorter than the curve that they are part of. */
  private void curve(String stage) {
    Optional<Init> init = bound.value(stage + ".init", Init.class);
    boolean restarts =
        bound
            .value(stage + ".handOver.schedule", HandOver.Position.class)
            .filter(HandOver.Position.RESTART::equals)
            .isPresent();
    Optional<Long> known =
        bound.value(stage + ".epochs", Double.class).isPresent()
            ? Optional.empty() // the data decides
            : bound.value(stage + ".examples", Long.class);
    Optional<Long> before =
        init.flatMap(
            from ->
                restarts
                    ? Optional.of(0L)
                    : from.match(
                        pretrained -> Optional.of(0L),
                        s -> Optional.ofNullable(curves.get(s.stage())),
                        checkpoint -> Optional.<Long>empty()));
    if (before.isEmpty() || known.isEmpty()) {
      return; // for a checkpoint this is only known at run time; otherwise it is a mistake that was
      // reported already
    }
    long examples = known.get();
    long end = before.get() + examples;
    text(stage + ".name").ifPresent(name -> curves.putIfAbsent(name, end));
    int batch = bound.value(stage + ".batchSize", Integer.class).orElse(1);
    Optional<OptimizerConfig> optimizer = bound.value(stage + ".optimizer", OptimizerConfig.class);
    if (examples > batch && optimizer.isPresent()) {
      optimizer
          .get()
          .scheduleMistakes(end)
          .forEach((path, mistake) -> bound.problem(stage + ".optimizer." + path, mistake));
    }
  }

  private void mixture(String stage) {
    Optional<Map<?, ?>> mixture = bound.value(stage + ".mixture", Map.class).map(map -> map);
    if (mixture.isEmpty()) {
      return;
    }
    boolean positive = false;
    for (Map.Entry<?, ?> weight : mixture.get().entrySet()) {
      String task = (String) weight.getKey();
      positive |= (Double) weight.getValue() > 0;
      if (!tasks.contains(task)) {
        bound.problem(
            Paths.key(stage + ".mixture", task),
            "names no task of this recipe" + Suggestion.among(task, tasks));
      }
    }
    if (!positive
        && !mixture.get().isEmpty()
        && (bound.value(stage + ".examples", Long.class).orElse(0L) > 0
            || bound.value(stage + ".epochs", Double.class).isPresent())) {
      bound.problem(stage + ".mixture", "must give at least one task a weight above 0");
    }
  }

  /** Checks suites in places where none is required. */
  void dedup() {
    suitesAt("dedup.against");
  }

  private void suites(String stage) {
    suitesAt(stage + ".evaluate.suites");
  }

  private void suitesAt(String path) {
    for (String at : bound.members(path)) {
      String suite = text(at).orElse("");
      if (!suite.isEmpty() && !suites.contains(suite)) {
        bound.problem(
            at, "'" + suite + "' is not a suite of this recipe" + Suggestion.among(suite, suites));
      }
    }
  }

  private void init(String stage, Map<String, Integer> earlier, boolean allNamed) {
    Optional<Init.FromStage> from =
        bound
            .value(stage + ".init", Init.class)
            .filter(Init.FromStage.class::isInstance)
            .map(Init.FromStage.class::cast);
    if (from.isEmpty()) {
      return;
    }
    String parent = from.get().stage();
    if (!earlier.containsKey(parent)) {
      boolean first = stage.equals(Paths.index("stages", 0));
      if (!first && !allNamed) {
        return; // it may refer to a stage whose name is wrong
      }
      bound.problem(
          stage + ".init.stage",
          first
              ? "the first stage has none before it; start it from 'pretrained' or 'checkpoint'"
              : "'"
                  + parent
                  + "' is not an earlier stage"
                  + Suggestion.among(parent, earlier.keySet()));
      return;
    }
    pictures.positions(stage, Paths.index("stages", earlier.get(parent)), parent);
    keptMoments(stage, Paths.index("stages", earlier.get(parent)), parent);
  }

  /** Moments are taken over by the same kind of optimizer alone. */
  private void keptMoments(String stage, String parent, String parentName) {
    Optional<OptimizerConfig> before = bound.value(parent + ".optimizer", OptimizerConfig.class);
    Optional<OptimizerConfig> after = bound.value(stage + ".optimizer", OptimizerConfig.class);
    boolean trained = bound.value(parent + ".examples", Long.class).orElse(0L) > 0;
    boolean reset =
        bound
            .value(stage + ".handOver.optimizer", HandOver.OptimizerState.class)
            .filter(HandOver.OptimizerState.RESET::equals)
            .isPresent();
    if (trained && !reset && before.isPresent() && after.isPresent()) {
      String was = before.get().algorithm();
      String is = after.get().algorithm();
      if (!was.equals(is)) {
        bound.problem(
            stage + ".handOver.optimizer",
            "is 'keep', but stage '%s' is trained with %s and this one with %s, which has other moments; write 'reset' or use the same optimizer"
                .formatted(parentName, was, is));
      }
    }
  }

  private Optional<String> text(String path) {
    return bound.value(path, String.class);
  }
}
