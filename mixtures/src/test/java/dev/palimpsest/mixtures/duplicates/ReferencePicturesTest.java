package dev.palimpsest.mixtures.duplicates;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.mixtures.duplicates.ReferencePictures.Match;
import dev.palimpsest.mixtures.duplicates.ReferencePictures.Place;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.tasks.Example;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** The evaluation's pictures, found again by bytes and by hashes. */
class ReferencePicturesTest {
  private final List<byte[]> files =
      List.of(picture(3), picture(4), picture(3), flat()); // the third is the first once more

  /** Each example has a picture of no interest before the one that is added. */
  private final Pool pool =
      new Pool(
          "suite/a",
          files.size(),
          i -> new Example("r" + i, List.of(image(flat()), image(files.get((int) i))), "", ""));

  private final ReferencePictures pictures = new ReferencePictures(List.of(pool), 12);

  private static byte[] picture(int seed) {
    return SyntheticPictures.png(SyntheticPictures.picture(seed));
  }

  private static byte[] flat() {
    return SyntheticPictures.png(new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB));
  }

  private static ImageReference image(byte[] file) {
    return new ImageReference("picture", () -> file, 0);
  }

  private static PictureTable.Key key(byte[] file) throws IOException {
    return PictureTable.Key.of(file, image(file).frame(), image(file).turn(file));
  }

  private static PictureSketch sketch(byte[] file) throws IOException {
    return PictureSketch.of(image(file).decode());
  }

  private boolean add(int position) throws IOException {
    byte[] file = files.get(position);
    return pictures.add(new Place(0, position, 1), key(file), sketch(file));
  }

  @Test
  void aPictureIsFoundByItsBytesAndByACopyOfThemAndKnowsItsPlace() throws IOException {
    assertFalse(add(0));
    assertFalse(add(1));
    assertFalse(add(2), "known already");
    assertTrue(add(3), "nothing in it tells it from others");
    pictures.seal();
    assertEquals(3, pictures.size());
    assertEquals(1, pictures.find(key(files.get(1))));
    assertEquals(PictureTable.ABSENT, pictures.find(key(picture(5))));

    byte[] copy = SyntheticPictures.jpeg(SyntheticPictures.picture(4), 0.5f);
    assertEquals(PictureTable.ABSENT, pictures.find(key(copy)));
    Match match = Objects.requireNonNull(pictures.nearest(sketch(copy)));
    assertEquals(1, match.picture());
    assertTrue(match.distance() <= ReferencePictures.SAME, match.toString());
    assertEquals(new Place(0, 1, 1), pictures.place(match.picture()));
    assertNull(pictures.nearest(sketch(picture(5))));
    assertNull(pictures.nearest(sketch(flat())));
  }
}
