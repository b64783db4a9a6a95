package dev.palimpsest.mixtures;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.TaskType;
import dev.palimpsest.mixtures.codecs.BoundingBox;
import dev.palimpsest.mixtures.codecs.LocationTokens;
import dev.palimpsest.mixtures.codecs.Mask;
import dev.palimpsest.mixtures.codecs.SegmentationTokens;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

/** Boxes and masks of what the prompt asks for. */
final class Localization {
  private static final String SEPARATOR = " ; ";

  private final Visit visit;
  private final TextRoom room;
  private final boolean fits;
  private final String word;
  private final IdentityHashMap<AnnotatedObject, String> texts = new IdentityHashMap<>();

  /** How an object's tokens are made, label aside. */
  private interface Tokens {
    String of(AnnotatedObject object);
  }

  private final Tokens tokens;

  private Localization(Visit visit, TextRoom room, String word, Tokens tokens) {
    this.visit = visit;
    this.room = room;
    this.fits = !visit.draw().isInOrder();
    this.word = word;
    this.tokens = tokens;
  }

  static Example detect(TaskType.Detect type, Visit visit, TextRoom room, AbsentThings absent) {
    Localization task =
        new Localization(visit, room, "detect", object -> LocationTokens.encode(object.box()));
    return task.example(
        AnnotatedObject.seen(visit),
        Set.of(),
        type.all() ? Integer.MAX_VALUE : type.things(),
        type.absentShare(),
        absent);
  }

  static Example segment(
      TaskType.Segment type,
      Visit visit,
      TextRoom room,
      AbsentThings absent,
      SegmentationTokens codec) {
    Localization task =
        new Localization(
            visit,
            room,
            "segment",
            object ->
                LocationTokens.encode(object.box())
                    + SegmentationTokens.text(codec.encode(mask(object, visit), object.box())));
    List<AnnotatedObject> objects = AnnotatedObject.seen(visit);
    Set<String> maskless =
        objects.stream()
            .filter(object -> object.segmentation().isEmpty())
            .map(AnnotatedObject::label)
            .collect(Collectors.toSet());
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
      AbsentThings absentThings) {
    Set<String> labels = new LinkedHashSet<>();
    objects.forEach(object -> labels.add(object.label()));
    labels.removeAll(untold);
    objects.stream().filter(AnnotatedObject::crowd).forEach(o -> labels.remove(o.label()));

    Draw draw = visit.draw().of(word);
    List<String> asked = draw.shuffled(List.copyOf(labels));
    if (fits && most < Integer.MAX_VALUE) {
      asked = asked.subList(0, Math.min(asked.size(), 1 + draw.below(most)));
    }
    List<AnnotatedObject> order = draw.shuffled(objects);
    List<String> negative = List.of();
    if (asked.isEmpty() || draw.chance(absentShare)) {
      negative = absentThings.of(visit.row(), visit.draw().of("absent"));
      negative = negative.subList(0, Math.min(1, negative.size()));
    }
    if (asked.isEmpty() && negative.isEmpty()) {
      throw visit.row().bad("it has no object that can be asked for");
    }
    while (true) {
      Set<String> told = new HashSet<>(asked);
      List<AnnotatedObject> answer =
          order.stream().filter(object -> told.contains(object.label())).toList();
      String prompt = prompt(asked, negative, draw.of("prompt"));
      if (!fits || asked.size() <= 1 || room.fits(prompt, target(answer))) {
        return visit.example(prompt, target(fitting(prompt, answer)));
      }
      asked = asked.subList(0, asked.size() - 1);
    }
  }

  private String prompt(List<String> asked, List<String> negative, Draw draw) {
    List<String> things = new ArrayList<>(asked);
    things.addAll(negative);
    return word + " " + String.join(SEPARATOR, draw.shuffled(things));
  }

  private String target(List<AnnotatedObject> objects) {
    return objects.stream()
        .map(object -> texts.computeIfAbsent(object, o -> tokens.of(o) + " " + o.label()))
        .collect(Collectors.joining(SEPARATOR));
  }

  /** Leaves objects out until the rest fits, for the sake of a single thing of many. */
  private List<AnnotatedObject> fitting(String prompt, List<AnnotatedObject> objects) {
    int kept = objects.size();
    while (fits && kept > 1 && !room.fits(prompt, target(objects.subList(0, kept)))) {
      kept--;
    }
    return objects.subList(0, kept);
  }

  /** An object's mask in what is seen of the picture. */
  private static Mask mask(AnnotatedObject object, Visit visit) {
    Fields row = visit.row();
    JsonNode segmentation = object.segmentation();
    try {
      Mask mask;
      if (segmentation.isObject()) {
        int height = segmentation.path("size").path(0).intValue();
        int width = segmentation.path("size").path(1).intValue();
        JsonNode counts = segmentation.path("counts");
        mask =
            counts.isTextual()
                ? Mask.ofRle(counts.textValue(), height, width)
                : Mask.ofRuns(
                    StreamSupport.stream(counts.spliterator(), false)
                        .mapToInt(JsonNode::intValue)
                        .toArray(),
                    height,
                    width);
      } else {
        List<double[]> polygons = new ArrayList<>();
        segmentation.forEach(polygon -> polygons.add(numbers(polygon)));
        mask = Mask.ofPolygons(polygons, row.positive("height"), row.positive("width"));
      }
      if (visit.view().equals(BoundingBox.WHOLE)) {
        return mask;
      }
      int[] seen = visit.view().pixels(mask.height(), mask.width());
      return mask.part(seen[0], seen[1], seen[2], seen[3]);
    } catch (IllegalArgumentException e) {
      throw row.bad("the mask of '%s': %s".formatted(object.label(), e.getMessage()));
    }
  }

  private static double[] numbers(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false)
        .mapToDouble(JsonNode::doubleValue)
        .toArray();
  }
}
