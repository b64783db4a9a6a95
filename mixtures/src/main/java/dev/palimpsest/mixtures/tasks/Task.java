package dev.palimpsest.mixtures.tasks;

import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.configs.data.AugmentConfig;
import dev.palimpsest.configs.data.FewConfig;
import dev.palimpsest.configs.data.Orientation;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.mixtures.codecs.SegmentationTokens;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.images.ImageSteps;
import dev.palimpsest.mixtures.order.Draw;
import dev.palimpsest.mixtures.sources.Digest;
import dev.palimpsest.mixtures.sources.ExampleSource;
import dev.palimpsest.mixtures.sources.FewRows;
import dev.palimpsest.mixtures.sources.Fields;
import dev.palimpsest.mixtures.sources.Frames;
import dev.palimpsest.mixtures.sources.Row;
import dev.palimpsest.mixtures.sources.SourceFiles;
import dev.palimpsest.mixtures.text.TextBudget;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A source whose rows are read according to a {@link TaskType}. The example at a position is a pure
 * function of the row, the epoch and the draw. Thread-safe.
 */
public final class Task implements AutoCloseable {
  /** {@link #contents()}: hash of the source's content. */
  public static final String CONTENTS = "contents";

  /** {@link #contents()}: hash of the mask codec's file. */
  public static final String MASK_CODEC = "mask codec";

  /** {@link #contents()}: number of rows. */
  public static final String ROWS = "rows";

  private final ExampleSource source;
  private final TaskConfig config;
  private final AugmentConfig augment;
  private final RowReader reader;
  private final Object contentsLock = new Object();
  private @Nullable Map<String, String> contents;

  /** Makes a task type's example from a row. Thread-safe. */
  private interface RowReader {
    Example read(TaskContext context);
  }

  private Task(ExampleSource source, TaskConfig config, AugmentConfig augment, RowReader reader) {
    this.source = source;
    this.config = config;
    this.augment = augment;
    this.reader = reader;
  }

  /**
   * Opens a task's source.
   *
   * @param budget how much text fits, for types that select text to fit
   * @throws java.io.UncheckedIOException when the source, or the mask codec, cannot be read
   * @throws IllegalArgumentException when the source has no rows
   */
  public static Task open(TaskConfig config, TextBudget budget) {
    return open(config, budget, AugmentConfig.NONE);
  }

  /** Opens a task with image augmentation. */
  static Task open(TaskConfig config, TextBudget budget, AugmentConfig augment) {
    ExampleSource source = ExampleSource.open(config.pictured());
    try {
      return of(source, config, budget, augment);
    } catch (RuntimeException e) {
      source.close();
      throw e;
    }
  }

  /** Creates a task from an open source, which it closes. */
  public static Task of(
      ExampleSource whole, TaskConfig config, TextBudget budget, AugmentConfig augment) {
    ExampleSource source = few(whole, config);
    return new Task(
        source, config, augment, config.type().match(new RowReaders(source, config, budget)));
  }

  private static ExampleSource few(ExampleSource source, TaskConfig config) {
    FewConfig few = config.few();
    return few == null ? source : FewRows.of(source, few);
  }

  /** Number of rows. */
  public long size() {
    return source.size();
  }

  /**
   * The example at a position, 0-based.
   *
   * @param epoch number of complete passes over the source before this one; a row with several
   *     targets uses a different one in each epoch, and every target once before any is repeated
   *     (big_vision's {@code choice_no_replacement})
   * @param draw random numbers for this use of the row
   * @throws BadExampleException when the row cannot be used
   */
  public Example example(long index, long epoch, Draw draw) {
    Row row = Frames.expanded(source.row(index), config.frames()).with(config.orientation());
    if (row.images().isEmpty() && config.type().readsPictures()) {
      throw new BadExampleException("example %s: it has no picture".formatted(row.id()), null);
    }
    ImageSteps steps = ImageSteps.draw(augment, draw);
    if (config.type() instanceof TaskType.PrefixSuffix) {
      steps = steps.uncropped(); // its text may mention positions in the picture
    }
    Fields fields = new Fields(row, config.fields());
    try {
      return read(new TaskContext(fields, index, epoch, draw, steps.view()), steps);
    } catch (BadExampleException e) {
      // A crop that leaves nothing to describe is not used.
      ImageSteps whole = steps.uncropped();
      return read(new TaskContext(fields, index, epoch, draw, whole.view()), whole);
    }
  }

  private Example read(TaskContext context, ImageSteps steps) {
    Example read = reader.read(context);
    return read.with(steps.outlining(read.steps().outline()));
  }

  /** The example at a position for scoring: the first epoch, without randomness. */
  public Example example(long index) {
    return example(index, 0, Draw.inOrder());
  }

  /** The row behind an example, for further fields that metrics need. */
  public Row row(long index) {
    return source.row(index);
  }

  /** The position of that row in the task's source when nothing is left out, 0-based. */
  public long original(long index) {
    return source.original(index);
  }

  /** The share of examples that may be bad and are skipped. */
  public double badShare() {
    return config.badShare();
  }

  /**
   * SHA-256, in hexadecimal, of the source's content and of how it is read. It does not depend on
   * the location of files: contents count, paths do not.
   */
  public String fingerprint() {
    return fingerprint(config, contents());
  }

  /**
   * The same for a task that is not open.
   *
   * @throws java.io.UncheckedIOException when the source, or the mask codec, cannot be read
   */
  public static String fingerprint(TaskConfig config) {
    try (ExampleSource source = few(ExampleSource.open(config.pictured()), config)) {
      return fingerprint(config, contents(source, config));
    }
  }

  private static String fingerprint(TaskConfig config, Map<String, String> contents) {
    String source = Objects.requireNonNull(contents.get(CONTENTS));
    Orientation orientation = config.orientation();
    boolean plain =
        config.type() instanceof TaskType.PrefixSuffix
            && config.fields().isEmpty()
            && config.frames() == 1
            && orientation == null;
    if (plain) {
      return source;
    }
    Digest digest =
        new Digest()
            .add("task 2", source)
            .add(Fingerprint.of((Record) config.type().withoutPaths()))
            .add(config.fields().toString())
            .add(config.frames());
    String maskCodec = contents.get(MASK_CODEC);
    if (maskCodec != null) {
      digest.add("mask codec", maskCodec);
    }
    return (orientation == null ? digest : digest.add("orientation", orientation.name())).hex();
  }

  /**
   * Everything that {@link #fingerprint()} covers, by name, so that a change can be attributed:
   * {@link #CONTENTS}, {@link #ROWS}, {@link #MASK_CODEC} where there is one, and every setting of
   * how rows are read. No paths.
   */
  public Map<String, String> contents() {
    synchronized (contentsLock) {
      if (contents == null) {
        contents = contents(source, config);
      }
      return contents;
    }
  }

  private static Map<String, String> contents(ExampleSource source, TaskConfig config) {
    Map<String, String> contents = new LinkedHashMap<>();
    contents.put(CONTENTS, source.fingerprint());
    contents.put(ROWS, Long.toString(source.size()));
    if (config.type() instanceof TaskType.Segment segment) {
      Digest digest = new Digest();
      SourceFiles.addWhole(digest, Path.of(segment.vae()));
      contents.put(MASK_CODEC, digest.hex());
    }
    contents.put("type", Fingerprint.text(config.type().withoutPaths()));
    config.fields().forEach((name, renamed) -> contents.put("fields." + name, renamed));
    contents.put("frames", Integer.toString(config.frames()));
    Orientation orientation = config.orientation();
    if (orientation != null) {
      contents.put("orientation", orientation.name());
    }
    return Collections.unmodifiableMap(contents);
  }

  @Override
  public void close() {
    source.close();
  }

  /** The reader of each task type. */
  private record RowReaders(ExampleSource source, TaskConfig config, TextBudget budget)
      implements TaskType.Cases<RowReader> {
    @Override
    public RowReader prefixSuffix(TaskType.PrefixSuffix type) {
      return context -> {
        refuseTurns(context.row());
        List<String> references = context.row().texts("suffix");
        return context.example(
            context.row().text("prefix", ""), context.one(references), references);
      };
    }

    /**
     * Recognises LLaVA's and OpenAI's conversation formats instead of reporting a missing field.
     */
    private static void refuseTurns(Fields row) {
      for (String turns : List.of("conversations", "messages")) {
        if (!row.has("suffix") && row.row().fields().path(turns).isArray()) {
          throw row.bad(
              "it is a conversation in '%s'; write a row for each question and its answer, with"
                      .formatted(turns)
                  + " prefix and suffix");
        }
      }
    }

    @Override
    public RowReader caption(TaskType.Caption type) {
      return context -> Captioning.caption(type, context);
    }

    @Override
    public RowReader splitCaption(TaskType.SplitCaption type) {
      return context -> Captioning.split(type, context);
    }

    @Override
    public RowReader groundedCaption(TaskType.GroundedCaption type) {
      return context -> Captioning.grounded(type, context);
    }

    @Override
    public RowReader ocr(TaskType.Ocr type) {
      return context -> Recognition.ocr(type, context, budget);
    }

    @Override
    public RowReader answer(TaskType.Answer type) {
      return context -> Answering.answer(type, context);
    }

    @Override
    public RowReader question(TaskType.Question type) {
      return context -> Answering.question(type, context);
    }

    @Override
    public RowReader objectQuestions(TaskType.ObjectQuestions type) {
      NegativeLabels absent = new NegativeLabels(source, config.fields(), type.negatives());
      return context -> ObjectQuestions.example(type, context, absent);
    }

    @Override
    public RowReader detect(TaskType.Detect type) {
      NegativeLabels absent = new NegativeLabels(source, config.fields(), type.negatives());
      return context -> Localization.detect(type, context, budget, absent);
    }

    @Override
    public RowReader segment(TaskType.Segment type) {
      SegmentationTokens codec = SegmentationTokens.load(Path.of(type.vae()));
      NegativeLabels absent = new NegativeLabels(source, config.fields(), type.negatives());
      return context -> Localization.segment(type, context, budget, absent, codec);
    }

    @Override
    public RowReader spanCorruption(TaskType.SpanCorruption type) {
      return context -> SpanCorruption.example(type, context, budget);
    }
  }
}
