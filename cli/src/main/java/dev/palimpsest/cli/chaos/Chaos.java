package dev.palimpsest.cli.chaos;

import dev.palimpsest.cli.chaos.KillPoint.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Runs a recipe without interruption in one folder, and in other folders with kills at chosen
 * points and restarts by the same command, and compares the resulting files.
 *
 * <p>The points are drawn with the seed from those that the uninterrupted run passed: as evenly
 * over kinds and ranks as possible, and each point of a kind with the same probability. A run in
 * one folder is killed at many points, in the order in which it passes them. At half of them it is
 * killed exactly there, at the others up to a few milliseconds later. A point that was missed
 * (threads race) is tried again in the next folder.
 */
final class Chaos {
  /** The longest time between a point and the kill, in milliseconds. */
  private static final int LONGEST_DELAY = 40;

  private static final int MOST_FOLDERS = 8;

  private final Path folder;
  private final int ranks;
  private final List<String> command;
  private final Random random;
  private final Consumer<String> said;

  /**
   * The result.
   *
   * @param reached number of points at which a run was killed, by kind
   * @param kills total number of kills
   * @param missed points that were drawn but never reached
   * @param folders number of runs that were killed, each several times
   * @param comparison of all of them with the uninterrupted run
   */
  record Outcome(
      Map<Kind, Integer> reached, int kills, int missed, int folders, Comparison comparison) {}

  private record Target(int position, KillPoint place, boolean hold, int delay) {}

  /**
   * Prepares the runs.
   *
   * @param folder absent or empty; receives the run folders
   * @param ranks number of processes of a run; any of them is killed
   * @param command the main class' name and its arguments except {@code --out}
   * @param said receives messages about progress
   */
  Chaos(Path folder, int ranks, List<String> command, long seed, Consumer<String> said) {
    this.folder = folder.toAbsolutePath().normalize();
    this.ranks = ranks;
    this.command = List.copyOf(command);
    this.random = new Random(seed);
    this.said = said;
  }

  /**
   * Runs and compares.
   *
   * @throws IllegalStateException when a run ends by itself with an error
   */
  Outcome kill(int kills) {
    try {
      Files.createDirectories(folder);
      Path whole = folder.resolve("whole");
      start(whole, null).killWhenReached(0);
      List<KillPoint> trace = trace(whole);
      said.accept("the uninterrupted run passed " + trace.size() + " places");
      List<Target> targets = draw(trace, kills);
      Map<Kind, Integer> reached = new EnumMap<>(Kind.class);
      Comparison all = new Comparison(0, 0, 0, List.of());
      int done = 0;
      int folders = 0;
      while (!targets.isEmpty() && folders < MOST_FOLDERS) {
        Path run = folder.resolve("killed-" + ++folders);
        List<Target> missed = new ArrayList<>();
        for (Target target : targets) {
          if (start(run, target).killWhenReached(target.delay()) == Child.End.KILLED) {
            reached.merge(target.place().kind(), 1, Integer::sum);
            said.accept("kill %d: %s".formatted(++done, target.place().line()));
          } else {
            missed.add(target);
          }
        }
        start(run, null).killWhenReached(0);
        all = plus(all, Comparison.of(whole, run));
        targets = missed;
      }
      return new Outcome(reached, done, targets.size(), folders, all);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write to " + folder, e);
    }
  }

  private Child start(Path run, @Nullable Target target) {
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put(Victim.ROOT, run.toString());
    properties.put(Victim.TRACE, traceFile(run).toString());
    if (target != null) {
      properties.put(Victim.TARGET, target.place().line());
      properties.put(Victim.HOLD, Boolean.toString(target.hold()));
    }
    List<String> arguments = new ArrayList<>(command);
    arguments.addAll(List.of("--out", run.toString()));
    return Child.start(
        ranks, Victim.class, arguments, properties, run.resolveSibling(run.getFileName() + ".log"));
  }

  private static Path traceFile(Path run) {
    return run.resolveSibling(run.getFileName() + ".places");
  }

  private static List<KillPoint> trace(Path run) throws IOException {
    List<KillPoint> places = new ArrayList<>();
    Set<String> lines = new HashSet<>();
    for (String line : Files.readAllLines(traceFile(run))) {
      int space = line.indexOf(' ');
      KillPoint place =
          new KillPoint(Kind.valueOf(line.substring(0, space)), line.substring(space + 1));
      if (lines.add(place.line())) {
        places.add(place);
      }
    }
    return places;
  }

  private List<Target> draw(List<KillPoint> trace, int kills) {
    Map<KillPoint.Group, List<Integer>> byKind = new TreeMap<>(KillPoint.Group.ORDER);
    for (int i = 0; i < trace.size(); i++) {
      byKind.computeIfAbsent(trace.get(i).group(), kind -> new ArrayList<>()).add(i);
    }
    byKind.values().forEach(positions -> Collections.shuffle(positions, random));
    List<Target> targets = new ArrayList<>();
    for (int round = 0; targets.size() < Math.min(kills, trace.size()); round++) {
      for (List<Integer> positions : byKind.values()) {
        if (round < positions.size() && targets.size() < kills) {
          int position = positions.get(round);
          boolean hold = random.nextBoolean();
          targets.add(
              new Target(
                  position, trace.get(position), hold, hold ? 0 : random.nextInt(LONGEST_DELAY)));
        }
      }
    }
    targets.sort(Comparator.comparingInt(Target::position));
    return targets;
  }

  private static Comparison plus(Comparison a, Comparison b) {
    List<String> differences = new ArrayList<>(a.differences());
    differences.addAll(b.differences());
    return new Comparison(
        a.files() + b.files(),
        a.bytes() + b.bytes(),
        a.bitsDiffering() + b.bitsDiffering(),
        differences);
  }
}
