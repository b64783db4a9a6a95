package dev.palimpsest.mixtures.tasks;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.mixtures.codecs.BoundingBox;
import dev.palimpsest.mixtures.sources.Fields;
import java.util.ArrayList;
import java.util.List;

/**
 * An object of a row.
 *
 * @param box in fractions of the visible part
 * @param annotated the same box in fractions of the whole picture
 * @param crowd whether it is a group of things, as in COCO's {@code iscrowd}
 * @param segmentation its mask as in the row; a missing node if it has none
 */
record AnnotatedObject(
    String label, BoundingBox box, BoundingBox annotated, boolean crowd, JsonNode segmentation) {
  /** The objects that are visible, in the row's order. */
  static List<AnnotatedObject> seen(TaskContext context) {
    List<AnnotatedObject> objects = new ArrayList<>();
    Fields row = context.row();
    for (JsonNode node : row.list("objects")) {
      BoundingBox box = row.box("objects", node.path("box"));
      String label = row.text("objects.label", node.path("label"));
      boolean crowd = node.path("iscrowd").asInt(0) == 1 || node.path("iscrowd").asBoolean(false);
      VisibleBox.of(box, context.view())
          .ifPresent(
              seen ->
                  objects.add(
                      new AnnotatedObject(label, seen, box, crowd, node.path("segmentation"))));
    }
    return objects;
  }

  /** Labels of all objects of a row, visible or not. */
  static List<String> labels(Fields row) {
    List<String> labels = new ArrayList<>();
    for (JsonNode node : row.list("objects")) {
      labels.add(row.text("objects.label", node.path("label")));
    }
    return labels;
  }
}
