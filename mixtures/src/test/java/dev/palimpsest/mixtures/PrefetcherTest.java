package dev.palimpsest.mixtures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.ImageConfig.Resize;
import dev.palimpsest.mixtures.Mixture.Skipped;
import dev.palimpsest.mixtures.Prefetcher.Placed;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.tasks.Example;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Streams over examples whose pictures can be held back or spoiled, one by one. */
@Timeout(60)
class PrefetcherTest {
  private static final Tokenizer TOKENIZER = Tokenizer.load(Golden.file("tokenizer/tiny.model"));

  private final BatchBuilder builder =
      new BatchBuilder(new ImageConfig(Resize.BILINEAR, true), 28, 8, TOKENIZER);
  private final Map<Long, CountDownLatch> held = new ConcurrentHashMap<>();
  private final Set<Long> bad = ConcurrentHashMap.newKeySet();
  private final Set<Long> asked = ConcurrentHashMap.newKeySet();
  private final Set<Long> decoded = ConcurrentHashMap.newKeySet();

  @AfterEach
  void everythingIsFreed() {
    assertEquals(0, builder.allocatedBytes());
    builder.close();
  }

  /** An example at every position; a bad one is replaced by another under the id {@code again}. */
  private final class Numbered implements Prefetcher.Examples {
    private final boolean replaces;

    Numbered(boolean replaces) {
      this.replaces = replaces;
    }

    @Override
    public Placed first(long position, Collection<Skipped> skipped) {
      asked.add(position);
      return new Placed(position, 0, example("example " + position, () -> picture(position)));
    }

    @Override
    public Placed after(Placed before, BadExampleException why, Collection<Skipped> skipped) {
      if (!replaces) {
        throw why;
      }
      skipped.add(
          new Skipped(before.position(), before.attempt(), "task", 0, "" + why.getMessage()));
      return new Placed(
          before.position(),
          before.attempt() + 1,
          example("again " + before.position(), PrefetcherTest::pixels));
    }
  }

  private static Example example(String id, ImageReference.Content content) {
    return new Example(id, List.of(new ImageReference(id, content, 0)), "", "");
  }

  private static byte[] pixels() throws IOException {
    return Files.readAllBytes(Golden.file("images/a_rgb.png"));
  }

  private byte[] picture(long position) throws IOException {
    decoded.add(position);
    CountDownLatch latch = held.get(position);
    try {
      if (latch != null && !latch.await(30, TimeUnit.SECONDS)) {
        throw new IOException("held back for too long");
      }
    } catch (InterruptedException e) {
      throw new IOException("interrupted", e);
    }
    return bad.contains(position) ? new byte[] {1, 2, 3} : pixels();
  }

  private CountDownLatch hold(long position) {
    CountDownLatch latch = new CountDownLatch(1);
    held.put(position, latch);
    return latch;
  }

  private Prefetcher open(boolean replaces, int batchSize, int partSize, int threads) {
    return new Prefetcher(
        new Numbered(replaces),
        builder,
        n -> n * batchSize,
        batchSize,
        partSize,
        Share.ALL,
        threads);
  }

  private static List<String> next(Prefetcher stream) {
    try (ExampleBatch batch = stream.next()) {
      return batch.ids();
    }
  }

  private static void await(Set<Long> set, long position) throws InterruptedException {
    while (!set.contains(position)) {
      Thread.sleep(5);
    }
  }

  @Test
  void batchesComeInOrderWhicheverIsDoneFirst() throws InterruptedException {
    CountDownLatch first = hold(0);
    try (Prefetcher stream = open(false, 2, 2, 2)) {
      await(decoded, 3); // the second batch is read while the first is held back
      first.countDown();
      assertEquals(List.of("example 0", "example 1"), next(stream));
      assertEquals(List.of("example 2", "example 3"), next(stream));
      assertEquals(List.of("example 4", "example 5"), next(stream));
      assertTrue(stream.waitedNanos() > 0);
    }
  }

  /** Two threads and batches of one part: four examples at once are more than two batches. */
  @Test
  void nothingIsReadFurtherAheadThanTheBound() throws InterruptedException {
    try (Prefetcher stream = open(false, 1, 1, 2)) {
      await(decoded, 3);
      Thread.sleep(100); // time enough for a stream without a bound to go on
      assertEquals(Set.of(0L, 1L, 2L, 3L), asked);
      next(stream);
      await(decoded, 4);
      Thread.sleep(100);
      assertEquals(Set.of(0L, 1L, 2L, 3L, 4L), asked);
    }
  }

  @Test
  void anErrorSurfacesAtItsBatchAndStaysFatal() {
    bad.add(3L);
    try (Prefetcher stream = open(false, 2, 2, 2)) {
      assertEquals(List.of("example 0", "example 1"), next(stream));
      BadExampleException failure = assertThrows(BadExampleException.class, stream::next);
      assertTrue(("" + failure.getMessage()).contains("example 3"), failure.getMessage());
      assertSame(failure, assertThrows(BadExampleException.class, stream::next));
    }
  }

  @Test
  void aBadExampleIsReplacedAndReportedOnceWithTheBatchThatHasItsPlace() {
    bad.add(1L);
    bad.add(4L);
    try (Prefetcher stream = open(true, 2, 2, 2)) {
      assertEquals(List.of("example 0", "again 1"), next(stream));
      List<Skipped> skipped = stream.skipped();
      assertEquals(List.of(1L), skipped.stream().map(Skipped::position).toList());
      assertEquals(List.of(), stream.skipped());
      assertEquals(List.of("example 2", "example 3"), next(stream));
      assertEquals(List.of("again 4", "example 5"), next(stream));
      assertEquals(4, stream.skipped().get(0).position());
    }
  }

  @Test
  void closingWaitsForWhatIsBeingReadAndFreesIt() throws InterruptedException {
    CountDownLatch first = hold(0);
    CountDownLatch closed = new CountDownLatch(1);
    Prefetcher stream = open(false, 2, 2, 1);
    await(decoded, 0);
    Thread closing =
        new Thread(
            () -> {
              stream.close();
              closed.countDown();
            });
    closing.start();
    assertFalse(closed.await(100, TimeUnit.MILLISECONDS), "a thread still writes into the batch");
    first.countDown();
    assertTrue(closed.await(30, TimeUnit.SECONDS));
    closing.join();
    assertEquals(0, builder.allocatedBytes());
    assertEquals(Set.of(0L), decoded, "pictures that nobody will see are not decoded");
    assertThrows(IllegalStateException.class, stream::next);
  }

  @Test
  void theThreadsEndWithTheStream() throws InterruptedException {
    List<Thread> threads = new ArrayList<>();
    Prefetcher stream = open(false, 2, 2, 3);
    next(stream);
    Thread[] all = new Thread[Thread.activeCount() + 8];
    int count = Thread.enumerate(all);
    for (int i = 0; i < count; i++) {
      if (all[i].getName().startsWith("mixture-")) {
        threads.add(all[i]);
      }
    }
    assertTrue(threads.size() >= 3, threads.toString());
    stream.close();
    for (Thread thread : threads) {
      thread.join(30_000);
      assertFalse(thread.isAlive(), thread.getName());
    }
  }
}
