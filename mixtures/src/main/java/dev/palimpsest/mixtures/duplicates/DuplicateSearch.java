package dev.palimpsest.mixtures.duplicates;

import dev.palimpsest.configs.data.DedupConfig;
import dev.palimpsest.files.Daemons;
import dev.palimpsest.mixtures.duplicates.DuplicateReport.Duplicate;
import dev.palimpsest.mixtures.duplicates.DuplicateReport.Evidence;
import dev.palimpsest.mixtures.duplicates.DuplicateReport.PoolResult;
import dev.palimpsest.mixtures.duplicates.ReferencePictures.Match;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.tasks.Example;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.LongFunction;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds training examples that also occur in an evaluation.
 *
 * <p>The evaluation's distinct pictures and texts are indexed; then the training pools are read
 * once. A picture is first looked up by its bytes, whatever the orientation in which either side
 * sees it; a picture that was seen before, in any task, is not decoded again. Otherwise its hashes
 * ({@link PictureSketch#hashes}) find candidates ({@link HashIndex}), and the candidate counts
 * whose worst difference is smallest ({@link PictureSketch#distance}). A million evaluation
 * pictures take about 120 MB, a million training pictures 50 MB.
 *
 * <p>The result does not depend on the number of threads.
 */
public final class DuplicateSearch implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DuplicateSearch.class);

  private static final int CHUNK = 512;

  /** In {@link #seen}: looked up and not found. */
  private static final int NOWHERE = 0;

  private final DedupConfig settings;
  private final List<Pool> reference;
  private final ExecutorService threads;

  private final ReferencePictures known;

  // ---- Texts of the evaluation, by number
  private final TextIndex texts;
  private int[] textPools = new int[256];
  private long[] textPositions = new long[256];
  private int textCount;

  private final DuplicateReport.Reference facts;

  /**
   * Training pictures looked up before: {@link #NOWHERE}, or 1 + a position in {@link #matches}.
   */
  private final PictureTable seen = new PictureTable();

  private final List<Match> matches = new ArrayList<>();

  /**
   * Reads the evaluation's pools.
   *
   * @param reference the evaluation's pools; must stay open as long as the search
   * @param threads decoding threads
   */
  public DuplicateSearch(DedupConfig settings, List<Pool> reference, int threads) {
    this.settings = settings;
    this.reference = List.copyOf(reference);
    this.threads = Executors.newFixedThreadPool(threads, Daemons.named("duplicates"));
    this.known = new ReferencePictures(this.reference, settings.threshold());
    this.texts = new TextIndex(settings.words(), settings.overlap());
    long examples = 0;
    long flat = 0;
    long found = 0;
    long shortTexts = 0;
    long unreadable = 0;
    for (int pool = 0; pool < reference.size(); pool++) {
      Pool from = reference.get(pool);
      examples += from.size();
      for (long first = 0; first < from.size(); first += CHUNK) {
        long end = Math.min(from.size(), first + CHUNK);
        for (Read read : inOrder(first, end, position -> read(from, position, seen))) {
          if (read.problem != null) {
            unreadable++;
            warn(from, read);
          }
          for (Picture picture : read.pictures) {
            ReferencePictures.Place place =
                new ReferencePictures.Place(pool, read.position, picture.which);
            flat += known.add(place, picture.key, picture.sketch) ? 1 : 0;
          }
          if (read.example != null) {
            for (String text : evaluated(read.example)) {
              if (textCount == textPools.length) {
                textPools = Arrays.copyOf(textPools, 2 * textCount);
                textPositions = Arrays.copyOf(textPositions, 2 * textCount);
              }
              textPools[textCount] = pool;
              textPositions[textCount++] = read.position;
              if (texts.add(text)) {
                found++;
              } else {
                shortTexts++;
              }
            }
          }
        }
      }
    }
    known.seal();
    this.facts =
        new DuplicateReport.Reference(examples, known.size(), flat, found, shortTexts, unreadable);
  }

  /** What was indexed. */
  public DuplicateReport.Reference reference() {
    return facts;
  }

  /**
   * Searches training pools.
   *
   * @param training pools whose names the result gives; none may be one of the evaluation's own
   *     objects
   */
  public DuplicateReport in(List<Pool> training) {
    return in(training, Part.WHOLE);
  }

  /** The same for a part of every pool; {@link DuplicateReport#merged} puts parts together. */
  public DuplicateReport in(List<Pool> training, Part part) {
    List<PoolResult> results = new ArrayList<>();
    List<Duplicate> duplicates = new ArrayList<>();
    for (int pool = 0; pool < training.size(); pool++) {
      Pool from = training.get(pool);
      int number = pool;
      Map<Evidence, Long> counts = new EnumMap<>(Evidence.class);
      long leftOut = 0;
      long unreadable = 0;
      long last = part.end(from.size());
      for (long first = part.begin(from.size()); first < last; first += CHUNK) {
        long end = Math.min(last, first + CHUNK);
        for (Outcome outcome : inOrder(first, end, position -> look(number, from, position))) {
          if (outcome.read.problem != null) {
            unreadable++;
            warn(from, outcome.read);
          }
          if (outcome.duplicate != null) {
            duplicates.add(outcome.duplicate);
            counts.merge(outcome.duplicate.evidence(), 1L, Long::sum);
            leftOut += outcome.duplicate.leftOut() ? 1 : 0;
          }
        }
      }
      results.add(
          new PoolResult(
              from.name(),
              last - part.begin(from.size()),
              counts.getOrDefault(Evidence.SAME_PICTURE, 0L),
              counts.getOrDefault(Evidence.NEAR_PICTURE, 0L),
              counts.getOrDefault(Evidence.TEXT, 0L),
              leftOut,
              unreadable));
    }
    return new DuplicateReport(facts, results, duplicates);
  }

  private record Outcome(Read read, @Nullable Duplicate duplicate) {}

  private Outcome look(int pool, Pool from, long position) {
    Read read = read(from, position, seen);
    Example example = read.example;
    if (example == null) {
      return new Outcome(read, null);
    }
    Match best = null;
    int which = -1;
    for (Picture picture : read.pictures) {
      Match match = match(picture);
      if (match != null && (best == null || match.distance() < best.distance())) {
        best = match;
        which = picture.which;
      }
    }
    if (best != null) {
      ReferencePictures.Place copied = known.place(best.picture());
      return new Outcome(
          read,
          new Duplicate(
              pool,
              position,
              example.id(),
              best.bits() < 0 ? Evidence.SAME_PICTURE : Evidence.NEAR_PICTURE,
              which,
              Math.max(0, best.bits()),
              best.distance(),
              reference.get(copied.pool()).name(),
              copied.position(),
              referenceId(copied.pool(), copied.position()),
              copied.which(),
              true));
    }
    int text = -1;
    double share = 0;
    for (String own : trained(example)) {
      for (Map.Entry<Integer, Double> found : texts.in(own).entrySet()) {
        if (found.getValue() > share) {
          text = found.getKey();
          share = found.getValue();
        }
      }
    }
    if (text < 0) {
      return new Outcome(read, null);
    }
    return new Outcome(
        read,
        new Duplicate(
            pool,
            position,
            example.id(),
            Evidence.TEXT,
            -1,
            0,
            share,
            reference.get(textPools[text]).name(),
            textPositions[text],
            referenceId(textPools[text], textPositions[text]),
            -1,
            settings.texts() || example.images().isEmpty()));
  }

  private String referenceId(int pool, long position) {
    return reference.get(pool).examples().apply(position).id();
  }

  /** The evaluation's picture that this one is a copy of, if any. */
  private @Nullable Match match(Picture picture) {
    for (PictureTable.Key key : picture.key.everyTurn()) {
      int same = known.find(key);
      if (same != PictureTable.ABSENT) {
        return new Match(same, -1, 0);
      }
    }
    int before = seen.get(picture.key);
    if (before == PictureTable.ABSENT) {
      Match match = picture.sketch == null ? null : known.nearest(picture.sketch);
      synchronized (matches) {
        if (match != null) {
          matches.add(match);
        }
        // Two threads may have looked up the same picture, with the same result.
        before = seen.putIfAbsent(picture.key, match == null ? NOWHERE : matches.size());
      }
    }
    synchronized (matches) {
      return before == NOWHERE ? null : matches.get(before - 1);
    }
  }

  // ---- Reading

  /** A picture of an example; the sketch is absent if the table already knew the picture. */
  private record Picture(int which, PictureTable.Key key, @Nullable PictureSketch sketch) {}

  private record Read(
      long position, @Nullable Example example, List<Picture> pictures, @Nullable String problem) {}

  /** An example, with the pictures decoded that neither table knows. */
  private Read read(Pool pool, long position, PictureTable decoded) {
    Example example;
    try {
      example = pool.examples().apply(position);
    } catch (BadExampleException e) {
      return new Read(position, null, List.of(), e.getMessage());
    }
    List<Picture> pictures = new ArrayList<>();
    String problem = null;
    for (int which = 0; which < example.images().size(); which++) {
      ImageReference image = example.images().get(which);
      try {
        byte[] bytes = image.content().read();
        PictureTable.Key key = PictureTable.Key.of(bytes, image.frame(), image.turn(bytes));
        boolean looked =
            known.find(key) != PictureTable.ABSENT || decoded.get(key) != PictureTable.ABSENT;
        pictures.add(
            new Picture(which, key, looked ? null : PictureSketch.of(image.decode(bytes))));
      } catch (IOException e) {
        problem = image.unread(example.id(), e).getMessage();
      }
    }
    return new Read(position, example, pictures, problem);
  }

  private static void warn(Pool pool, Read read) {
    log.warn("{}, position {}: not compared: {}", pool.name(), read.position, read.problem);
  }

  /** The texts to look for: the prompt and each reference separately. */
  private static List<String> evaluated(Example example) {
    return Stream.concat(Stream.of(example.prefix()), example.references().stream())
        .distinct()
        .toList();
  }

  /** The texts to search in: prompt and target together, once for each reference. */
  private static List<String> trained(Example example) {
    return example.references().stream()
        .distinct()
        .map(reference -> example.prefix() + "\n" + reference)
        .toList();
  }

  /** Computes in parallel and returns results in order. */
  private <T> List<T> inOrder(long first, long end, LongFunction<T> work) {
    List<Callable<T>> tasks =
        LongStream.range(first, end).<Callable<T>>mapToObj(i -> () -> work.apply(i)).toList();
    List<T> results = new ArrayList<>(tasks.size());
    try {
      for (Future<T> future : threads.invokeAll(tasks)) {
        results.add(future.get());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while looking for duplicates", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    }
    return results;
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
