package dev.palimpsest.mixtures.playground;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * One thing; two or three things of the same kind; or two different things, side by side or one
 * above the other.
 *
 * @param things in reading order: from left to right or top to bottom
 */
record Scene(List<Thing> things) {

  private static final int HALF = Canvas.SIDE / Thing.CELL / 2;
  private static final List<String> NUMBERS = List.of("no", "one", "two", "three");

  Scene {
    things = List.copyOf(things);
  }

  /** Draws a scene at random. */
  static Scene random(Random random) {
    int kind = random.nextInt(10);
    if (kind < 3) {
      return new Scene(List.of(thing(random, figure(random), hue(random), HALF, HALF, 12, 14)));
    }
    return kind < 6 ? several(random) : pair(random);
  }

  /** Two or three of one kind, each in its own quarter. */
  private static Scene several(Random random) {
    Figure figure = figure(random);
    Hue hue = hue(random);
    List<Integer> quarters = new ArrayList<>(List.of(0, 1, 2, 3));
    int absent = random.nextBoolean() ? 1 : 2;
    for (int i = 0; i < absent; i++) {
      quarters.remove(random.nextInt(quarters.size()));
    }
    List<Thing> things = new ArrayList<>();
    for (int quarter : quarters) {
      int x = HALF / 2 + HALF * (quarter % 2);
      int y = HALF / 2 + HALF * (quarter / 2);
      things.add(thing(random, figure, hue, x, y, 11, 12));
    }
    return new Scene(things);
  }

  /** Two that differ in colour, in figure or in both. */
  private static Scene pair(Random random) {
    boolean sideBySide = random.nextBoolean();
    List<Thing> things = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      Figure figure = figure(random);
      Hue hue = hue(random);
      while (i == 1 && figure == things.get(0).figure() && hue == things.get(0).hue()) {
        figure = figure(random);
        hue = hue(random);
      }
      int along = HALF / 2 + HALF * i;
      int x = sideBySide ? along : HALF;
      int y = sideBySide ? HALF : along;
      things.add(thing(random, figure, hue, x, y, 11, 12));
    }
    return new Scene(things);
  }

  /** A thing near a given cell, slightly displaced. */
  private static Thing thing(
      Random random, Figure figure, Hue hue, int x, int y, int smallest, int largest) {
    int size = RandomDraws.between(random, smallest, largest);
    return new Thing(
        figure,
        hue,
        x - (size + 1) / 2 + RandomDraws.between(random, -1, 1),
        y - (size + 1) / 2 + RandomDraws.between(random, -1, 1),
        size);
  }

  private boolean alike() {
    return things.stream().map(Thing::name).distinct().count() == 1;
  }

  /** {@code a red circle}, {@code two green stars}, {@code a red circle left of a blue square}. */
  String caption() {
    Thing first = things.get(0);
    if (things.size() == 1) {
      return "a " + first.name();
    }
    if (alike()) {
      return NUMBERS.get(things.size()) + " " + first.hue().word() + " " + first.figure().plural();
    }
    Thing second = things.get(1);
    String relation = first.x() + first.size() <= second.x() ? "left of" : "above";
    return "a " + first.name() + " " + relation + " a " + second.name();
  }

  /** {@code ein roter kreis links von einem blauen quadrat}. */
  String germanCaption() {
    Thing first = things.get(0);
    if (things.size() == 1) {
      return first.german();
    }
    if (alike()) {
      return (things.size() == 2 ? "zwei " : "drei ")
          + first.hue().german()
          + "e "
          + first.figure().germanPlural();
    }
    Thing second = things.get(1);
    String relation = first.x() + first.size() <= second.x() ? "links von" : "über";
    return first.german() + " " + relation + " " + second.germanDative();
  }

  /** One question of each kind that has an unambiguous answer in the scene. */
  List<Question> questions(Random random) {
    List<Question> questions = new ArrayList<>();
    Thing chosen = things.get(random.nextInt(things.size()));
    Figure figure = chosen.figure();
    long count = things.stream().filter(thing -> thing.figure() == figure).count();
    if (alike()) {
      questions.add(color(chosen, count > 1));
    } else if (count == 1) {
      questions.add(color(chosen, false));
    }
    questions.add(
        new Question(
            "how many " + figure.plural() + " are there?",
            "wie viele " + figure.germanPlural() + " gibt es?",
            "" + count));
    Figure asked = figure;
    if (random.nextBoolean()) {
      do {
        asked = figure(random);
      } while (figures().contains(asked));
    }
    questions.add(
        new Question(
            "is there a " + asked.noun() + "?",
            "gibt es " + (asked.masculine() ? "einen " : "ein ") + asked.german() + "?",
            figures().contains(asked) ? "yes" : "no"));
    return questions;
  }

  private static Question color(Thing chosen, boolean several) {
    Figure figure = chosen.figure();
    return several
        ? new Question(
            "what color are the " + figure.plural() + "?",
            "welche farbe haben die " + figure.germanPlural() + "?",
            chosen.hue().word())
        : new Question(
            "what color is the " + figure.noun() + "?",
            "welche farbe hat " + (figure.masculine() ? "der " : "das ") + figure.german() + "?",
            chosen.hue().word());
  }

  /** The kinds of figures, in reading order. */
  Set<Figure> figures() {
    return things.stream().map(Thing::figure).collect(Collectors.toCollection(LinkedHashSet::new));
  }

  /** Boxes of one kind in reading order, joined by {@code " ; "}. */
  String detections(Figure figure) {
    return things.stream()
        .filter(thing -> thing.figure() == figure)
        .map(Thing::detection)
        .collect(Collectors.joining(" ; "));
  }

  private static Figure figure(Random random) {
    return RandomDraws.pick(random, Figure.ALL);
  }

  private static Hue hue(Random random) {
    return RandomDraws.pick(random, Hue.ALL);
  }

  /** A question in English and in German, and its only answer. */
  record Question(String text, String german, String answer) {}
}
