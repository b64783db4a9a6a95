package dev.palimpsest.mixtures.images;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.mixtures.Golden;
import dev.palimpsest.mixtures.sources.Frames;
import dev.palimpsest.mixtures.sources.Row;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The less usual formats, with Pillow's levels (golden/formats/make.py). */
class PictureFormatsTest {
  private static byte[] file(String name) throws IOException {
    return Files.readAllBytes(Golden.file("formats/" + name));
  }

  @ParameterizedTest
  @CsvSource({"lossless.webp, 1", "lossy.webp, 1", "animation.gif, 4", "pages.tif, 3"})
  void everyFrameEqualsPillows(String name, int frames) throws IOException {
    byte[] bytes = file(name);
    assertEquals(frames, ImageDecoder.frames(bytes));
    for (int frame = 0; frame < frames; frame++) {
      Image image = ImageDecoder.decode(bytes, frame);
      assertEquals(List.of(12, 9), List.of(image.width(), image.height()));
      assertArrayEquals(file(name + "." + frame + ".rgb"), image.rgb(), "frame " + frame);
    }
    assertThrows(IOException.class, () -> ImageDecoder.decode(bytes, frames));
  }

  @ParameterizedTest
  @ValueSource(strings = {"b_420.jpg", "c_444.jpg"})
  void theSystemsLibraryEqualsTheJdk(String name) throws IOException {
    byte[] bytes = Files.readAllBytes(Golden.file("images/" + name));
    JpegHeader header = JpegHeader.of(bytes);
    @Nullable Image system = TurboJpeg.accurate(bytes, header, byte[]::new);
    assumeTrue(system != null, "no libjpeg-turbo here, or not the JDK's levels");
    assertArrayEquals(
        JpegDecoder.inJava(bytes, header, byte[]::new).rgb(), requireNonNull(system).rgb());
  }

  /** Its later frames are patches of the first one; golden/pictures has more of the kind. */
  @Test
  void anAnimatedWebpGivesItsFrames() throws IOException {
    Row row =
        new Row(
            "id",
            List.of(ImageReference.file(Golden.file("formats/animation.webp"))),
            com.fasterxml.jackson.databind.node.JsonNodeFactory.instance.objectNode());
    assertArrayEquals(
        file("animation.webp.0.rgb"),
        ImageDecoder.decode(Frames.expanded(row, 1).images().get(0).content().read(), 0).rgb());
    assertEquals(2, Frames.expanded(row, 2).images().size());
  }

  /** Of more frames than wanted, those in the middle of equal parts. */
  @Test
  void framesAreSpreadOverFoldersAndAnimations(@TempDir Path folder) throws IOException {
    for (int i = 0; i < 10; i++) {
      Files.write(folder.resolve("%04d.%s".formatted(i, i == 7 ? "tif" : "png")), new byte[0]);
    }
    Row row =
        new Row(
            "id",
            List.of(
                ImageReference.file(folder), ImageReference.file(Golden.file("formats/pages.tif"))),
            com.fasterxml.jackson.databind.node.JsonNodeFactory.instance.objectNode());
    List<ImageReference> images = Frames.expanded(row, 2).images();
    assertEquals(
        List.of("0002.png", "0007.tif", "pages.tif", "pages.tif"),
        images.stream().map(i -> String.valueOf(Path.of(i.name()).getFileName())).toList());
    assertEquals(List.of(0, 2), List.of(images.get(2).frame(), images.get(3).frame()));
  }
}
