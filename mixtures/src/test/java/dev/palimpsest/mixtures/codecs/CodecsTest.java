package dev.palimpsest.mixtures.codecs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.mixtures.Golden;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against numbers of a program that follows big_vision's definitions. */
class CodecsTest {
  private static final Golden.Tensors MASKS = Golden.tensors("masks/data.safetensors");

  private static BoundingBox box(JsonNode list) {
    return new BoundingBox(
        list.get(0).doubleValue(),
        list.get(1).doubleValue(),
        list.get(2).doubleValue(),
        list.get(3).doubleValue());
  }

  @Test
  void boxesAreTheReferencesTokensAndBack() {
    for (JsonNode example : Golden.json("boxes/loc.json").get("boxes")) {
      int[] tokens = Golden.ints(example.get("tokens"));
      BoundingBox box = box(example.get("box_f32"));
      assertArrayEquals(tokens, LocationTokens.bins(box), example.toString());
      assertEquals(example.get("string").textValue(), LocationTokens.encode(box));
      assertEquals(box(example.get("decoded")), LocationTokens.decode(tokens));
    }
  }

  @Test
  void everyBinComesBackFromItsMiddleAndTheDemonstrationsDivisorIsAnother() {
    for (int bin = 0; bin < LocationTokens.BINS; bin++) {
      assertEquals(bin, LocationTokens.bin(bin / 1023.0));
    }
    assertEquals(
        new BoundingBox(0, 0.5, 1023 / 1024.0, 0.25),
        LocationTokens.decodeAsDemo(new int[] {0, 512, 1023, 256}));
  }

  @Test
  void answersAreTakenApart() {
    for (JsonNode example : Golden.json("boxes/parse.json").get("parse")) {
      DetectionText parsed = DetectionText.parse(example.get("text").textValue());
      JsonNode objects = example.get("objects");
      assertEquals(objects.size(), parsed.objects().size(), example.toString());
      for (int i = 0; i < objects.size(); i++) {
        DetectionText.Found found = parsed.objects().get(i);
        assertArrayEquals(Golden.ints(objects.get(i).get("loc")), found.bins());
        assertEquals(objects.get(i).get("label").textValue(), found.label());
        assertEquals(objects.get(i).get("seg").isNull(), found.codes().isEmpty());
        found
            .codes()
            .ifPresent(
                codes -> assertArrayEquals(Golden.ints(example.at("/objects/0/seg")), codes));
      }
    }
  }

  @Test
  void whatCannotBeReadIsReportedAndTheRestIsRead() {
    String box = "<loc0010><loc0020><loc0300><loc0400>";
    DetectionText parsed =
        DetectionText.parse(
            "a cat ; <loc0010><loc0020> dog;"
                + box
                + " bird ; "
                + box
                + " left"
                + box
                + "<seg001> far ; <loc0300><loc0020><loc0010><loc0400> up ; ; <loc1024><loc0001>"
                + "<loc0001><loc0001> out;"
                + box
                + "<seg128>".repeat(16)
                + " x;; "
                + box);
    assertEquals(
        List.of("bird", "left", ""),
        parsed.objects().stream().map(DetectionText.Found::label).toList());
    assertEquals(
        List.of(
            "no location tokens",
            "2 location tokens where 4 belong",
            "1 segmentation tokens where 16 belong",
            "an empty box",
            "a location above 1023",
            "a segmentation code above 127"),
        parsed.skipped().stream().map(DetectionText.Skipped::reason).toList());
    assertEquals("<loc0010><loc0020> dog", parsed.skipped().get(1).text());
  }

  /** Crops 1e-5, features and maps 1e-4 of the largest: float32 against float64; codes exact. */
  @Test
  void masksAreTheReferencesTokensAndBack() {
    SegmentationTokens codec = SegmentationTokens.load(Golden.file("masks/vae.npz"));
    JsonNode strings = Golden.json("masks/strings.json").get("suffixes");
    float[] boxes = MASKS.floats("boxes");
    byte[] levels = MASKS.bytes("masks_u8");
    float[] crops = MASKS.floats("crops64");
    float[] features = MASKS.floats("encoder_output");
    int each = features.length / strings.size();
    int pixels = 60 * 80;
    for (int i = 0; i < strings.size(); i++) {
      BitSet inside = new BitSet(pixels);
      for (int p = 0; p < pixels; p++) {
        inside.set(p % 80 * 60 + p / 80, levels[i * pixels + p] != 0);
      }
      Mask mask = new Mask(60, 80, inside);
      BoundingBox box =
          new BoundingBox(boxes[4 * i], boxes[4 * i + 1], boxes[4 * i + 2], boxes[4 * i + 3]);
      float[] crop = SegmentationTokens.crop(mask, box);
      assertArrayEquals(slice(crops, i, 64 * 64), crop, 1e-5f);
      assertClose(slice(features, i, each), codec.features(crop));
      assertEquals(
          strings.get(i).textValue(),
          LocationTokens.encode(box) + SegmentationTokens.text(codec.encode(mask, box)));
    }
    int[] codes = MASKS.ints("decode_indices");
    float[] decoded = MASKS.floats("decoded_masks");
    for (int i = 0; i < codes.length / 16; i++) {
      int[] one = java.util.Arrays.copyOfRange(codes, 16 * i, 16 * i + 16);
      assertClose(slice(decoded, i, 64 * 64), codec.decode(one));
    }
  }

  private static float[] slice(float[] values, int index, int length) {
    return java.util.Arrays.copyOfRange(values, index * length, (index + 1) * length);
  }

  private static void assertClose(float[] expected, float[] actual) {
    float largest = 0;
    for (float value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertArrayEquals(expected, actual, 1e-4f * largest);
  }

  @Test
  void onlySixteenWholeTokensAreAMask() {
    for (JsonNode example : Golden.json("boxes/parse.json").get("seg_validity")) {
      String text = example.get("text").textValue();
      boolean valid =
          LocationTokens.leading(text)
              .filter(bins -> !LocationTokens.decode(bins).isEmpty())
              .flatMap(bins -> SegmentationTokens.leading(text.substring(36)))
              .isPresent();
      assertEquals(example.get("valid").booleanValue(), valid, text);
    }
  }

  @Test
  void aFileThatIsNoCodecIsNamedWithWhatIsMissing(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("other.npz");
    try (var zip = new java.util.zip.ZipOutputStream(Files.newOutputStream(file))) {
      zip.putNextEntry(new java.util.zip.ZipEntry("a.npy"));
      zip.write(1);
    }
    var broken = assertThrows(UncheckedIOException.class, () -> SegmentationTokens.load(file));
    assertTrue(
        String.valueOf(broken.getMessage()).contains("'a' is not a numpy array"), "" + broken);
    try (var zip = new java.util.zip.ZipOutputStream(Files.newOutputStream(file))) {
      zip.setComment("empty");
    }
    var empty = assertThrows(RuntimeException.class, () -> SegmentationTokens.load(file));
    assertTrue(String.valueOf(empty.getMessage()).contains("other.npz"), "" + empty);
  }

  /** A hundred kilobytes that unpack to a hundred times as much. */
  @Test
  void aCodecThatUnpacksToMoreThanAnyIsRefused(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("bomb.npz");
    try (var zip = new java.util.zip.ZipOutputStream(Files.newOutputStream(file))) {
      zip.putNextEntry(new java.util.zip.ZipEntry("a.npy"));
      byte[] zeros = new byte[1 << 20];
      for (int i = 0; i < 200; i++) {
        zip.write(zeros);
      }
    }
    assertTrue(Files.size(file) < 1 << 20);
    var large = assertThrows(UncheckedIOException.class, () -> SegmentationTokens.load(file));
    assertTrue(String.valueOf(large.getMessage()).contains("unpacks to more than"), "" + large);
    try (var zip = new java.util.zip.ZipOutputStream(Files.newOutputStream(file))) {
      for (int i = 0; i < 5000; i++) {
        zip.putNextEntry(new java.util.zip.ZipEntry(i + ".npy"));
      }
    }
    var many = assertThrows(UncheckedIOException.class, () -> SegmentationTokens.load(file));
    assertTrue(String.valueOf(many.getMessage()).contains("5000 arrays"), "" + many);
    for (String shape : List.of("4294967296,", "2147483647, 2147483647, 2147483647", ",", "9")) {
      byte[] header =
          "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }\n"
              .formatted(shape)
              .getBytes(java.nio.charset.StandardCharsets.US_ASCII);
      try (var zip = new java.util.zip.ZipOutputStream(Files.newOutputStream(file))) {
        zip.putNextEntry(new java.util.zip.ZipEntry("a.npy"));
        zip.write(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0});
        zip.write(header.length);
        zip.write(0);
        zip.write(header);
      }
      var lying = assertThrows(UncheckedIOException.class, () -> SegmentationTokens.load(file));
      assertTrue(String.valueOf(lying.getMessage()).contains("'a'"), "" + lying);
    }
    var device =
        assertThrows(
            UncheckedIOException.class, () -> SegmentationTokens.load(Path.of("/dev/zero")));
    assertTrue(String.valueOf(device.getMessage()).contains("not a regular file"), "" + device);
  }

  @Test
  void paintingWhatWasDecodedFillsItsBox() {
    float[] map = new float[64 * 64];
    java.util.Arrays.fill(map, 1);
    Mask mask = SegmentationTokens.paint(map, 2, 3, 7, 9, 10, 12);
    assertArrayEquals(new int[] {3, 2, 6, 5}, mask.boundingBox());
    assertEquals(30, mask.area());
  }
}
