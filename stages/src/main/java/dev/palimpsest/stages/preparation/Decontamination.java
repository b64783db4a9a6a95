package dev.palimpsest.stages.preparation;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.data.DedupConfig;
import dev.palimpsest.configs.evaluation.SuiteConfig;
import dev.palimpsest.eval.benchmarks.BenchmarkReader;
import dev.palimpsest.eval.benchmarks.Benchmarks;
import dev.palimpsest.eval.benchmarks.Question;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.Exclusions;
import dev.palimpsest.mixtures.duplicates.DuplicateReport;
import dev.palimpsest.mixtures.duplicates.DuplicateReport.Duplicate;
import dev.palimpsest.mixtures.duplicates.DuplicateReport.PoolResult;
import dev.palimpsest.mixtures.duplicates.DuplicateSearch;
import dev.palimpsest.mixtures.duplicates.Part;
import dev.palimpsest.mixtures.duplicates.Pool;
import dev.palimpsest.mixtures.tasks.Task;
import dev.palimpsest.mixtures.text.TextBudget;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.stages.folder.RunFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds a recipe's training examples that also occur in its evaluation suites: every task with a
 * weight in a stage, without what the recipe already excludes, against some of its suites. Sources
 * stay open until it is closed, so that the duplicates can be shown.
 */
public final class Decontamination implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Decontamination.class);
  private final PipelineConfig recipe;
  private final DedupConfig settings;
  private final Exclusions exclusions;
  private final List<Task> opened = new ArrayList<>();
  private final Map<String, Task> weighted = new TreeMap<>();
  private final Map<String, Pool> training = new LinkedHashMap<>();
  private final Map<String, Pool> reference = new LinkedHashMap<>();
  private final List<String> fingerprints = new ArrayList<>();

  /**
   * Opens the sources of both sides.
   *
   * @param settings whose suites are the recipe's
   * @throws java.io.UncheckedIOException when a source cannot be read
   */
  public Decontamination(PipelineConfig recipe, DedupConfig settings, Tokenizer tokenizer) {
    this.recipe = recipe;
    this.settings = settings;
    this.exclusions = exclusions(recipe);
    int textTokens = recipe.stages().stream().mapToInt(StageConfig::textTokens).max().orElse(1);
    TextBudget budget = new TextBudget(tokenizer, textTokens);
    try {
      Set<String> names = new TreeSet<>();
      for (StageConfig stage : recipe.stages()) {
        fingerprints.add(stage.name() + " " + stage.mixture());
        names.addAll(stage.weightedTasks());
      }
      for (String name : names) {
        Task task =
            exclusions.open(name, Objects.requireNonNull(recipe.tasks().get(name), name), budget);
        opened.add(task);
        weighted.put(name, task);
        fingerprints.add(name + " " + task.fingerprint());
        training.put(name, new Pool(name, task.size(), task::example));
      }
      for (String suite : settings.against()) {
        suite(suite, Objects.requireNonNull(recipe.suites().get(suite), suite), budget);
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /** The pictures and texts of a suite: one pool per task. */
  private void suite(String suite, SuiteConfig config, TextBudget budget) {
    config
        .tasks()
        .forEach(
            (name, task) -> {
              if (task.benchmark() != null) {
                benchmark(suite + "/" + name, task);
                return;
              }
              Task source = Task.open(task.task(), budget);
              opened.add(source);
              long size = task.limit() == 0 ? source.size() : Math.min(task.limit(), source.size());
              String pool = suite + "/" + name;
              fingerprints.add(pool + " " + size + " " + source.fingerprint());
              reference.put(pool, new Pool(pool, size, source::example));
            });
  }

  private void benchmark(String pool, SuiteConfig.SuiteTaskConfig task) {
    BenchmarkReader reader =
        new BenchmarkReader(
            Benchmarks.find(Objects.requireNonNull(task.benchmark())),
            Path.of(Objects.requireNonNull(task.dataDir())));
    List<Question> questions = reader.questions();
    int size =
        task.limit() == 0 ? questions.size() : (int) Math.min(task.limit(), questions.size());
    fingerprints.add(
        pool
            + " "
            + size
            + " "
            + reader.files().stream().map(ContentHash::of).toList()
            + (task.orientation() == null ? "" : " " + task.orientation()));
    reference.put(
        pool, new Pool(pool, size, i -> questions.get((int) i).example().with(task.orientation())));
  }

  /**
   * What a recipe excludes.
   *
   * @throws java.io.UncheckedIOException when the list cannot be read
   * @throws dev.palimpsest.configs.checks.InvalidConfigException when it has a mistake
   */
  public static Exclusions exclusions(PipelineConfig recipe) {
    return recipe.exclude() == null
        ? Exclusions.NONE
        : Exclusions.read(Path.of(recipe.exclude()), recipe.tasks().keySet());
  }

  /** Training pools by task. */
  public Map<String, Pool> training() {
    return training;
  }

  /** Evaluation pools by {@code suite/task}. */
  public Map<String, Pool> reference() {
    return reference;
  }

  /**
   * Compares everything.
   *
   * @param threads decoding threads
   */
  public DuplicateReport search(int threads) {
    return search(threads, Part.WHOLE);
  }

  private DuplicateReport search(int threads, Part part) {
    try (DuplicateSearch search =
        new DuplicateSearch(settings, List.copyOf(reference.values()), threads)) {
      return search.in(List.copyOf(training.values()), part);
    }
  }

  private static Path partFile(Path folder, Part part) {
    return folder.resolve("part-%05d-of-%05d.json".formatted(part.index(), part.of()));
  }

  /**
   * Compares a part of the training examples, and writes what was found for {@link #merged}.
   *
   * @param folder the same for all parts
   * @return the file
   */
  public Path searchPart(int threads, Part part, Path folder) {
    Path file = partFile(folder, part);
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot create " + folder, e);
    }
    ObjectNode json = Json.STRICT.createObjectNode();
    json.put("fingerprint", fingerprint());
    json.set("report", Json.STRICT.valueToTree(search(threads, part)));
    RunFolder.writeJson(file, json);
    return file;
  }

  /**
   * The whole result from its parts; it is the same as without parts.
   *
   * @throws InvalidConfigException when one is missing, or was made of other data or settings
   */
  public DuplicateReport merged(int of, Path folder) {
    List<DuplicateReport> parts = new ArrayList<>();
    List<Problem> problems = new ArrayList<>();
    for (int index = 0; index < of; index++) {
      Path file = partFile(folder, new Part(index, of));
      Optional<JsonNode> json = RunFolder.readJson(file);
      if (json.isEmpty()) {
        problems.add(
            new Problem(
                file.toString(), "is missing; make it with --part %d/%d".formatted(index, of)));
      } else if (!json.get().path("fingerprint").asText().equals(fingerprint())) {
        problems.add(
            new Problem(
                file.toString(),
                "was made with other data or settings; make it again with --part %d/%d"
                    .formatted(index, of)));
      } else {
        parts.add(Json.STRICT.convertValue(json.get().path("report"), DuplicateReport.class));
      }
    }
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
    return DuplicateReport.merged(parts);
  }

  private String fingerprint() {
    return Fingerprint.of(new Identity(settings, fingerprints));
  }

  /**
   * The share of duplicates among each training stage's examples, with the stage's weights of
   * tasks.
   */
  public Map<String, Double> shares(DuplicateReport report) {
    Map<String, Double> shares = new LinkedHashMap<>();
    for (StageConfig stage : recipe.stages()) {
      double sum = 0;
      double weights = 0;
      for (DuplicateReport.PoolResult pool : report.pools()) {
        double weight = stage.weight(pool.name(), pool.examples());
        sum += weight * pool.share();
        weights += weight;
      }
      if (stage.examples() > 0 && weights > 0) {
        shares.put(stage.name(), sum / weights);
      }
    }
    return shares;
  }

  /**
   * The duplicates as a list that the recipe can name under {@code exclude}. It begins with what
   * the recipe already leaves out, so that it can replace the current list.
   */
  public String exclusionList(DuplicateReport report) {
    List<Exclusions.Entry> entries = new ArrayList<>();
    for (Duplicate duplicate : report.duplicates()) {
      if (duplicate.leftOut()) {
        String name = report.pools().get(duplicate.pool()).name();
        Task task = Objects.requireNonNull(weighted.get(name), name);
        entries.add(
            new Exclusions.Entry(
                name, duplicate.id(), task.original(duplicate.position()), duplicate.reason()));
      }
    }
    return exclusions.with(
        List.of(
            "Examples of recipe '%s' that also occur in %s."
                .formatted(recipe.name(), String.join(", ", settings.against())),
            "task/id, position in the task's source, reason; tabs between."),
        entries);
  }

  /**
   * Stops a run if too many examples of its mixtures occur in its evaluation. The result is stored
   * in the run folder, so that a resumed run does not search again.
   *
   * @throws ContaminatedException when a stage's share exceeds the recipe's limit
   */
  public static void gate(PipelineConfig recipe, RunFolder folder, Tokenizer tokenizer) {
    DedupConfig settings = recipe.dedup();
    if (settings == null) {
      return;
    }
    Path file = folder.root().resolve("dedup.json");
    Map<String, Double> shares = new LinkedHashMap<>();
    try (Decontamination search = new Decontamination(recipe, settings, tokenizer)) {
      String fingerprint = search.fingerprint();
      Optional<JsonNode> before =
          RunFolder.readJson(file)
              .filter(json -> json.path("fingerprint").asText().equals(fingerprint));
      if (before.isPresent()) {
        before
            .get()
            .path("share")
            .properties()
            .forEach(share -> shares.put(share.getKey(), share.getValue().asDouble()));
      } else {
        DuplicateReport report = search.search(Runtime.getRuntime().availableProcessors());
        shares.putAll(search.shares(report));
        RunFolder.writeText(folder.root().resolve("duplicates.tsv"), search.exclusionList(report));
        ObjectNode json = Json.STRICT.createObjectNode();
        json.put("fingerprint", fingerprint);
        json.set("settings", Json.STRICT.valueToTree(settings));
        json.set("share", Json.STRICT.valueToTree(shares));
        json.set("reference", Json.STRICT.valueToTree(report.reference()));
        json.set("tasks", Json.STRICT.valueToTree(report.pools()));
        RunFolder.writeJson(file, json);
        if (report.reference().unreadable() > 0) {
          log.warn(
              "{} of {} examples of {} could not be read; whether they occur in the training data"
                  + " is not known",
              report.reference().unreadable(),
              report.reference().examples(),
              String.join(", ", settings.against()));
        }
        long found = report.pools().stream().mapToLong(PoolResult::leftOut).sum();
        log.info(
            "{} training examples also occur in {}: {}",
            found,
            String.join(", ", settings.against()),
            describe(shares));
      }
    }
    if (shares.values().stream().anyMatch(share -> share > settings.limit())) {
      throw new ContaminatedException(
          """
          Not started: too much of the training data also occurs in the evaluation (%s).
            share of examples: %s; the recipe allows %s (dedup.limit)
            which ones: %s
            what to do: name that file under 'exclude', which leaves them out; or raise dedup.limit;
            look at them first: ./palimpsest dedup RECIPE --html FILE\
          """
              .formatted(
                  String.join(", ", settings.against()),
                  describe(shares),
                  percent(settings.limit()),
                  folder.root().resolve("duplicates.tsv")));
    }
  }

  /** Identifies the search: equal ones have equal shares. */
  private record Identity(DedupConfig settings, List<String> data) {}

  private static String describe(Map<String, Double> shares) {
    List<String> parts = new ArrayList<>();
    shares.forEach((stage, share) -> parts.add(stage + " " + percent(share)));
    return String.join(", ", parts);
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.3g %%", 100 * share);
  }

  @Override
  public void close() {
    opened.forEach(Task::close);
  }
}
