package dev.palimpsest.mixtures.tasks;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.mixtures.codecs.BoundingBox;
import dev.palimpsest.mixtures.codecs.LocationTokens;
import dev.palimpsest.mixtures.codecs.Mask;
import dev.palimpsest.mixtures.codecs.SegmentationTokens;
import dev.palimpsest.mixtures.formats.JsonValues;
import dev.palimpsest.mixtures.order.Draw;
import dev.palimpsest.mixtures.sources.Fields;
import dev.palimpsest.mixtures.text.TextBudget;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Boxes and masks of the things that the prompt asks for. */
final class Localization {
  private static final String SEPARATOR = " ; ";

  private final TaskContext context;
  private final TextBudget budget;
  private final boolean fits;
  private final String word;
  private final IdentityHashMap<AnnotatedObject, String> texts = new IdentityHashMap<>();

  /** Makes an object's tokens, without its label. */
  private interface Tokens {
    String of(AnnotatedObject object);
  }

  private final Tokens tokens;

  private Localization(TaskContext context, TextBudget budget, String word, Tokens tokens) {
    this.context = context;
    this.budget = budget;
    this.fits = !context.draw().isInOrder();
    this.word = word;
    this.tokens = tokens;
  }

  static Example detect(
      TaskType.Detect type, TaskContext context, TextBudget budget, NegativeLabels absent) {
    Localization task =
        new Localization(context, budget, "detect", object -> LocationTokens.encode(object.box()));
    return task.example(
        AnnotatedObject.seen(context),
        Set.of(),
        type.all() ? Integer.MAX_VALUE : type.things(),
        type.absentShare(),
        absent);
  }

  static Example segment(
      TaskType.Segment type,
      TaskContext context,
      TextBudget budget,
      NegativeLabels absent,
      SegmentationTokens codec) {
    List<AnnotatedObject> objects = AnnotatedObject.seen(context);
    Set<String> crowds =
        objects.stream()
            .filter(AnnotatedObject::crowd)
            .map(AnnotatedObject::label)
            .collect(Collectors.toSet());
    Set<String> maskless = new HashSet<>();
    IdentityHashMap<AnnotatedObject, Mask> masks = new IdentityHashMap<>();
    for (AnnotatedObject object : objects) {
      if (crowds.contains(object.label())) {
        continue; // never asked for
      }
      Mask mask = mask(object, context);
      if (mask == null) {
        maskless.add(object.label());
      } else {
        masks.put(object, mask);
      }
    }
    Localization task =
        new Localization(
            context,
            budget,
            "segment",
            object ->
                LocationTokens.encode(object.box())
                    + SegmentationTokens.text(
                        codec.encode(
                            Objects.requireNonNull(masks.get(object), object.label()),
                            object.box())));
    return task.example(
        objects,
        maskless,
        type.all() ? Integer.MAX_VALUE : type.things(),
        type.absentShare(),
        absent);
  }

  private Example example(
      List<AnnotatedObject> objects,
      Set<String> untold,
      int most,
      double absentShare,
      NegativeLabels negativeLabels) {
    Set<String> labels = new LinkedHashSet<>();
    objects.forEach(object -> labels.add(object.label()));
    labels.removeAll(untold);
    objects.stream().filter(AnnotatedObject::crowd).forEach(o -> labels.remove(o.label()));

    Draw draw = context.draw().of(word);
    List<String> asked = draw.shuffled(List.copyOf(labels));
    if (fits && most < Integer.MAX_VALUE) {
      asked = asked.subList(0, Math.min(asked.size(), 1 + draw.below(most)));
    }
    List<AnnotatedObject> order = draw.shuffled(objects);
    List<String> negative = List.of();
    if (asked.isEmpty() || draw.chance(absentShare)) {
      negative = negativeLabels.of(context.row(), context.draw().of("absent"));
      negative = negative.subList(0, Math.min(1, negative.size()));
    }
    if (asked.isEmpty() && negative.isEmpty()) {
      throw context.row().bad("it has no object that can be asked for");
    }
    List<String> things = asked;
    List<String> absent = negative;
    int kept =
        mostThatFit(
            asked.size(),
            n ->
                budget.fits(
                    prompt(things.subList(0, n), absent, draw),
                    target(of(order, things.subList(0, n)))));
    String prompt = prompt(asked.subList(0, kept), negative, draw);
    List<AnnotatedObject> answer = of(order, asked.subList(0, kept));
    // If there is a single thing with many objects, some objects are left out.
    int told =
        kept > 1
            ? answer.size()
            : mostThatFit(answer.size(), n -> budget.fits(prompt, target(answer.subList(0, n))));
    return context.example(prompt, target(answer.subList(0, told)));
  }

  /** The objects of some things. */
  private static List<AnnotatedObject> of(List<AnnotatedObject> objects, List<String> things) {
    Set<String> told = new HashSet<>(things);
    return objects.stream().filter(object -> told.contains(object.label())).toList();
  }

  /** How many of several fit; all if none may be left out, and at least one if there is one. */
  private int mostThatFit(int all, IntPredicate fitting) {
    if (!fits || all <= 1 || fitting.test(all)) {
      return all;
    }
    int most = 1;
    int over = all;
    while (over - most > 1) {
      int middle = (most + over) / 2;
      if (fitting.test(middle)) {
        most = middle;
      } else {
        over = middle;
      }
    }
    return most;
  }

  private String prompt(List<String> asked, List<String> negative, Draw draw) {
    List<String> things = new ArrayList<>(asked);
    things.addAll(negative);
    return word + " " + String.join(SEPARATOR, draw.of("prompt").shuffled(things));
  }

  private String target(List<AnnotatedObject> objects) {
    return objects.stream()
        .map(object -> texts.computeIfAbsent(object, o -> tokens.of(o) + " " + o.label()))
        .collect(Collectors.joining(SEPARATOR));
  }

  /**
   * An object's mask within the visible part of the picture; null if none of its pixels is visible.
   */
  private static @Nullable Mask mask(AnnotatedObject object, TaskContext context) {
    if (object.segmentation().isEmpty()) {
      return null;
    }
    try {
      Mask mask = mask(object.segmentation(), context.row());
      if (!context.view().equals(BoundingBox.WHOLE)) {
        mask = part(mask, context.view());
      }
      return part(mask, object.box()).area() == 0 ? null : mask;
    } catch (IllegalArgumentException e) {
      throw context.row().bad("the mask of '%s': %s".formatted(object.label(), e.getMessage()));
    }
  }

  private static Mask part(Mask mask, BoundingBox view) {
    int[] seen = view.pixels(mask.height(), mask.width());
    return mask.part(seen[0], seen[1], seen[2], seen[3]);
  }

  /** COCO's forms: run lengths, polygons, or a single polygon without a list around it. */
  private static Mask mask(JsonNode segmentation, Fields row) {
    if (segmentation.isObject()) {
      int height = whole(segmentation.path("size").path(0), "size");
      int width = whole(segmentation.path("size").path(1), "size");
      for (String side : List.of("height", "width")) {
        int coded = side.equals("height") ? height : width;
        if (row.has(side) && row.positive(side) != coded) {
          throw new IllegalArgumentException(
              "its size is %d x %d (height x width), but its image has %s %d"
                  .formatted(height, width, side, row.positive(side)));
        }
      }
      JsonNode counts = segmentation.path("counts");
      if (counts.isTextual()) {
        return Mask.ofRle(counts.textValue(), height, width);
      }
      int[] runs = new int[counts.size()];
      for (int i = 0; i < runs.length; i++) {
        runs[i] = whole(counts.path(i), "counts");
      }
      return Mask.ofRuns(runs, height, width);
    }
    List<double[]> polygons = new ArrayList<>();
    if (segmentation.path(0).isNumber()) {
      polygons.add(numbers(segmentation));
    } else {
      segmentation.forEach(polygon -> polygons.add(numbers(polygon)));
    }
    return Mask.ofPolygons(polygons, row.positive("height"), row.positive("width"));
  }

  private static int whole(JsonNode number, String what) {
    if (!number.canConvertToInt() || !number.canConvertToExactIntegral()) {
      throw new IllegalArgumentException(
          "%s must be whole numbers, found %s"
              .formatted(what, number.isMissingNode() ? "none" : JsonValues.abridged(number)));
    }
    return number.intValue();
  }

  private static double[] numbers(JsonNode list) {
    double[] numbers = new double[list.size()];
    for (int i = 0; i < numbers.length; i++) {
      if (!list.path(i).isNumber()) {
        throw new IllegalArgumentException(
            "a polygon must be a list of numbers, found " + JsonValues.abridged(list));
      }
      numbers[i] = list.path(i).doubleValue();
    }
    if (!list.isArray()) {
      throw new IllegalArgumentException(
          "it must be run lengths or a list of polygons, found " + JsonValues.abridged(list));
    }
    return numbers;
  }
}
