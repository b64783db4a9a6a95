package dev.palimpsest.model.ranks;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.kernels.FloatArrays;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/** What the tests of collectives run: one process of a group. */
public final class RankProgram {
  private static final int SIZE = 1000;

  private RankProgram() {}

  /**
   * Runs a program.
   *
   * @param args its name, and a folder that the ranks share
   */
  public static void main(String[] args) {
    int rank = number("RANK", "OMPI_COMM_WORLD_RANK");
    int size = number("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE");
    boolean waitsInVain = args[0].equals("hang") || args[0].equals("sums");
    Duration limit = Duration.ofSeconds(waitsInVain ? 3 : 300);
    try (NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      Group group =
          new Group(rank, size, "127.0.0.1", number("MASTER_PORT", "OMPI_COMM_WORLD_SIZE"));
      Collectives ranks = Collectives.join(group, manager, Path.of(args[1]), limit, true);
      switch (args[0]) {
        case "operations" -> operations(ranks);
        case "hang" -> hang(ranks);
        case "sums" -> {
          for (int i = 0; i < 5; i++) {
            ranks.sum(manager.ones(new Shape(SIZE)));
          }
        }
        case "fail" -> fail(ranks);
        default -> throw new IllegalArgumentException(args[0]);
      }
      ranks.close();
      System.out.println("rank " + rank + " is done");
      System.exit(0);
    } catch (RuntimeException | AssertionError e) {
      System.err.println("rank " + rank + ": " + e.getMessage());
      System.exit(9);
    }
  }

  /** The first of two variables that is set. */
  private static int number(String name, String otherwise) {
    String value = System.getenv(name);
    return Integer.parseInt(value == null ? System.getenv(otherwise) : value);
  }

  /** A JVM that runs a program, without a launcher. */
  static List<String> command(String program, Path folder) {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Xmx256m",
        "--add-opens=java.base/java.nio=ALL-UNNAMED",
        "-Doffline=true",
        "-cp",
        System.getProperty("java.class.path"),
        RankProgram.class.getName(),
        program,
        folder.toString());
  }

  private static void operations(Collectives ranks) {
    int n = ranks.size();
    int r = ranks.rank();
    try (NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      NDArray array = mine(manager, r);
      ranks.sum(array);
      float[] sum = new float[SIZE];
      for (int i = 0; i < SIZE; i++) {
        for (int q = 0; q < n; q++) {
          sum[i] += value(q, i);
        }
      }
      require(close(array, sum, 0, SIZE), "sum");

      Parts uneven = uneven(n);
      for (boolean ordered : new boolean[] {false, true}) {
        NDArray divided = mine(manager, r);
        if (ordered) {
          ranks.reduceScatterInOrder(divided, uneven);
        } else {
          ranks.reduceScatter(divided, uneven);
        }
        require(
            close(divided, sum, (int) uneven.from(r), (int) uneven.to(r)),
            ordered ? "ordered divided sum" : "divided sum");
        if (ordered) {
          // Bit for bit, since this order is the one that is promised.
          float[] values = divided.toFloatArray();
          for (int i = (int) uneven.from(r); i < uneven.to(r); i++) {
            require(values[i] == pairs(n, i), "bits of the ordered sum");
          }
        }
        ranks.allGather(divided, uneven);
        require(close(divided, sum, 0, SIZE), "gathered");
        try (NDManager scope = manager.newSubManager()) {
          NDArray half = FloatArrays.zeros(scope, new Shape(SIZE), Precision.BF16);
          try (NDArray own = uneven.of(half, r);
              NDArray sums = uneven.of(divided, r)) {
            FloatArrays.assign(own, sums);
          }
          ranks.allGather(half, uneven);
          NDArray expected = FloatArrays.converted(scope, divided, Precision.BF16);
          require(
              Arrays.equals(
                  FloatArrays.converted(scope, half, Precision.F32).toFloatArray(),
                  FloatArrays.converted(scope, expected, Precision.F32).toFloatArray()),
              "gathered bfloat16");
        }
      }

      // 0 1 | 2 3, and across 0 2 | 1 3.
      for (boolean ordered : new boolean[] {false, true}) {
        RankGrid grid = RankGrid.of(ranks, n / 2, ordered);
        require(
            grid.within().size() == n / 2
                && grid.within().rank() == r % (n / 2)
                && grid.across().size() == 2
                && grid.across().rank() == r / (n / 2),
            "places in groups");
        Parts halves = uneven(n / 2);
        NDArray grouped = mine(manager, r);
        grid.reduceScatter(grouped, halves);
        int from = (int) halves.from(grid.within().rank());
        int to = (int) halves.to(grid.within().rank());
        require(close(grouped, sum, from, to), "divided sum in groups");
        if (ordered) {
          float[] values = grouped.toFloatArray();
          for (int i = from; i < to; i++) {
            require(values[i] == pairs(n, i), "bits of the ordered sum in groups");
          }
        }
      }

      NDArray whole = mine(manager, r);
      NDArray divided = mine(manager, r);
      ranks.begin(() -> ranks.sum(whole));
      ranks.begin(() -> ranks.reduceScatter(divided, uneven));
      require(ranks.any(r == 0), "agreement after operations that were begun");
      require(close(whole, sum, 0, SIZE), "sum beside the computing");
      require(
          close(divided, sum, (int) uneven.from(r), (int) uneven.to(r)),
          "divided sum beside the computing");

      NDArray first = mine(manager, r);
      ranks.broadcast(first, n - 1);
      require(close(first, mine(manager, n - 1).toFloatArray(), 0, SIZE), "distribution");
    }
    byte[] word = "rank %d".formatted(r).repeat(r).getBytes(StandardCharsets.UTF_8);
    List<byte[]> words = ranks.gather(word);
    for (int q = 0; q < n; q++) {
      require(
          Arrays.equals(
              words.get(q), "rank %d".formatted(q).repeat(q).getBytes(StandardCharsets.UTF_8)),
          "messages");
    }
    require(Arrays.equals(ranks.broadcast(word, 1), words.get(1)), "message");
    require(ranks.broadcast(word, 0).length == 0, "empty message");
    require(ranks.any(r == n - 1) && !ranks.any(false), "agreement");
    ranks.barrier();
    ranks.await();
  }

  private static void hang(Collectives ranks) {
    if (ranks.rank() == 1) {
      elsewhere();
    }
    ranks.begin(ranks::barrier);
    ranks.finish();
  }

  private static void elsewhere() {
    try {
      Thread.sleep(600_000);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void fail(Collectives ranks) {
    try (NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      // No rank has this number.
      ranks.broadcast(manager.zeros(new Shape(4)), ranks.size() + 7);
    }
  }

  private static NDArray mine(NDManager manager, int rank) {
    float[] values = new float[SIZE];
    for (int i = 0; i < SIZE; i++) {
      values[i] = value(rank, i);
    }
    return manager.create(values);
  }

  /** Of many magnitudes, so that the order of a sum shows in its bits. */
  private static float value(int rank, int i) {
    return (float) Math.scalb(1 + ((i * 31 + rank * 7919) % 1009) / 1009.0, (i + 5 * rank) % 24);
  }

  private static float pairs(int n, int i) {
    float[] sums = new float[n];
    for (int q = 0; q < n; q++) {
      sums[q] = value(q, i);
    }
    for (int stride = 1; stride < n; stride *= 2) {
      for (int q = 0; q + stride < n; q += 2 * stride) {
        sums[q] += sums[q + stride];
      }
    }
    return sums[0];
  }

  /** The first rank has nothing, the last one most. */
  private static Parts uneven(int n) {
    long[] bounds = new long[n + 1];
    for (int q = 1; q < n; q++) {
      bounds[q] = 10L * (q - 1);
    }
    bounds[n] = SIZE;
    return new Parts(bounds);
  }

  private static boolean close(NDArray array, float[] expected, int from, int to) {
    float[] values = array.toFloatArray();
    for (int i = from; i < to; i++) {
      if (Math.abs(values[i] - expected[i]) > 1e-6 * expected[i]) {
        return false;
      }
    }
    return true;
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError("wrong: " + what);
    }
  }
}
