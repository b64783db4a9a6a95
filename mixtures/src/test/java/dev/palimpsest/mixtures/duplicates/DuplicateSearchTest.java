package dev.palimpsest.mixtures.duplicates;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.data.DedupConfig;
import dev.palimpsest.configs.data.Orientation;
import dev.palimpsest.mixtures.duplicates.DuplicateReport.Duplicate;
import dev.palimpsest.mixtures.duplicates.DuplicateReport.Evidence;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.tasks.Example;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class DuplicateSearchTest {
  private static final int PICTURES = 12;
  private static final DedupConfig SETTINGS =
      new DedupConfig(List.of("suite"), 0, 12, 8, 0.7, false);

  private static Example example(String id, String text, byte[]... pictures) {
    List<ImageReference> images = new ArrayList<>();
    for (byte[] picture : pictures) {
      images.add(new ImageReference(id, () -> picture, 0));
    }
    return new Example(id, images, "caption en", text);
  }

  private static Pool pool(String name, List<Example> examples) {
    return new Pool(name, examples.size(), i -> examples.get((int) i));
  }

  private static DuplicateReport search(
      DedupConfig settings, List<Example> reference, List<Example> training) {
    try (DuplicateSearch search =
        new DuplicateSearch(settings, List.of(pool("suite/a", reference)), 2)) {
      return search.in(List.of(pool("task", training)));
    }
  }

  private static List<Example> originals() {
    List<Example> originals = new ArrayList<>();
    for (int i = 0; i < PICTURES; i++) {
      originals.add(example("r" + i, "", SyntheticPictures.png(SyntheticPictures.picture(i))));
    }
    return originals;
  }

  @Test
  void alteredCopiesAreFoundAndOtherPicturesAreNot() {
    List<Example> training = new ArrayList<>();
    List<String> expected = new ArrayList<>();
    for (Map.Entry<String, UnaryOperator<BufferedImage>> alteration :
        SyntheticPictures.alterations().entrySet()) {
      for (int i = 0; i < PICTURES; i += 3) {
        String id = "r" + i + " " + alteration.getKey();
        BufferedImage altered = alteration.getValue().apply(SyntheticPictures.picture(i));
        training.add(example(id, "", SyntheticPictures.png(altered)));
        expected.add(id + " is r" + i);
      }
    }
    for (int i = 0; i < 2 * PICTURES; i++) {
      training.add(
          example("other " + i, "", SyntheticPictures.png(SyntheticPictures.picture(1000 + i))));
    }
    DuplicateReport report = search(SETTINGS, originals(), training);
    assertEquals(
        expected,
        report.duplicates().stream().map(d -> d.id() + " is " + d.referenceId()).toList());
    assertTrue(report.duplicates().stream().allMatch(d -> d.evidence() == Evidence.NEAR_PICTURE));
    assertEquals(expected.size(), report.pools().get(0).nearPicture());
  }

  @Test
  void theSameBytesAreTheSamePicture() {
    List<Example> originals = originals();
    DuplicateReport report =
        search(
            SETTINGS,
            originals,
            List.of(
                new Example("t", originals.get(5).images(), "detect cow", ""),
                new Example("again", originals.get(5).images(), "caption en", "")));
    assertEquals(2, report.pools().get(0).samePicture());
    assertEquals("r5", report.duplicates().get(1).referenceId());
  }

  /** Stored on its side, with an orientation of 6: to be turned clockwise. */
  @Test
  void picturesAreComparedAsTheyAreSeen() {
    byte[] upright = SyntheticPictures.png(SyntheticPictures.picture(4));
    byte[] turned = SyntheticPictures.onItsSide(SyntheticPictures.picture(4));
    List<Example> originals = List.of(example("r", "", upright));
    List<Example> stored = List.of(example("t", "", turned));
    assertEquals(List.of(), search(SETTINGS, originals, stored).duplicates());
    List<Example> seen = stored.stream().map(e -> e.with(Orientation.EXIF)).toList();
    assertEquals(1, search(SETTINGS, originals, seen).pools().get(0).nearPicture());
    // A task that does not turn it has been looked at before.
    List<Example> both = List.of(stored.get(0), seen.get(0));
    assertEquals(1, search(SETTINGS, originals, both).pools().get(0).nearPicture());
  }

  @Test
  void theSameBytesAreTheSamePictureWhicheverWayUp() {
    List<Example> stored =
        List.of(example("a", "", SyntheticPictures.onItsSide(SyntheticPictures.picture(4))));
    List<Example> seen = stored.stream().map(e -> e.with(Orientation.EXIF)).toList();
    assertEquals(1, search(SETTINGS, stored, seen).pools().get(0).samePicture());
    assertEquals(1, search(SETTINGS, seen, stored).pools().get(0).samePicture());
    assertEquals(1, search(SETTINGS, seen, seen).pools().get(0).samePicture());
  }

  @Test
  void picturesWithoutDetailAreFoundByTheirBytesAlone() {
    DuplicateReport report =
        search(
            SETTINGS,
            List.of(example("white", "", flat(Color.WHITE)), example("red", "", flat(Color.RED))),
            List.of(
                example("off-white", "", flat(new Color(250, 250, 250))),
                example("also red", "", flat(Color.RED))));
    assertEquals(2, report.reference().flat());
    assertEquals(List.of("also red"), report.duplicates().stream().map(Duplicate::id).toList());
  }

  @Test
  void picturesAlikeInAllButOnePlaceAreDifferentOnes() {
    BufferedImage one = SyntheticPictures.picture(3);
    BufferedImage other = SyntheticPictures.picture(3);
    Graphics2D canvas = other.createGraphics();
    canvas.setColor(Color.WHITE);
    canvas.fillRect(130, 90, 60, 60);
    canvas.dispose();
    DuplicateReport report =
        search(
            SETTINGS,
            List.of(example("r", "", SyntheticPictures.png(one))),
            List.of(example("t", "", SyntheticPictures.png(other))));
    assertEquals(List.of(), report.duplicates());
  }

  @Test
  void aTextCountsAloneOnlyWhereThereIsNoPictureOrWhereAskedFor() {
    String text = "two brown dogs are running along the beach in the evening";
    List<Example> reference =
        List.of(example("r", text, SyntheticPictures.png(SyntheticPictures.picture(1))));
    List<Example> training =
        List.of(
            example(
                "text alone",
                "He wrote: Two brown dogs are running along the beach in the" + " evening."),
            example("picture", text, SyntheticPictures.png(SyntheticPictures.picture(2))));
    DuplicateReport report = search(SETTINGS, reference, training);
    assertEquals(2, report.pools().get(0).sameText());
    assertTrue(report.duplicates().get(0).leftOut());
    assertFalse(report.duplicates().get(1).leftOut());
    assertEquals(0.5, report.pools().get(0).share());
    DedupConfig texts = new DedupConfig(List.of("suite"), 0, 12, 8, 0.7, true);
    assertEquals(1.0, search(texts, reference, training).pools().get(0).share());
  }

  @Test
  void whatCannotBeReadIsCountedAndNotCompared() {
    ImageReference missing =
        new ImageReference(
            "gone.png",
            () -> {
              throw new IOException("no such file");
            },
            0);
    List<Example> originals = originals();
    Pool training =
        pool(
            "task",
            List.of(
                new Example("gone", List.of(missing), "", ""),
                new Example("t", originals.get(0).images(), "", "")));
    try (DuplicateSearch search =
        new DuplicateSearch(SETTINGS, List.of(pool("suite/a", originals)), 1)) {
      DuplicateReport report = search.in(List.of(training));
      assertEquals(1, report.pools().get(0).unreadable());
      assertEquals(1, report.pools().get(0).samePicture());
    }
  }

  private static byte[] flat(Color colour) {
    BufferedImage picture = new BufferedImage(64, 48, BufferedImage.TYPE_INT_RGB);
    Graphics2D canvas = picture.createGraphics();
    canvas.setColor(colour);
    canvas.fillRect(0, 0, 64, 48);
    canvas.dispose();
    return SyntheticPictures.png(picture);
  }
}
