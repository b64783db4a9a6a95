package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.mixtures.codecs.BoundingBox;
import dev.palimpsest.mixtures.codecs.LocationTokens;
import dev.palimpsest.mixtures.codecs.Mask;
import dev.palimpsest.mixtures.codecs.SegmentationTokens;
import dev.palimpsest.model.kernels.Kernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;

/** Masks to segmentation tokens and back, with weights in the published layout. */
final class MaskCodecCase implements CaseKind {
  private static final String WEIGHTS = "vae.npz";
  private static final String DATA = "data.safetensors";
  private static final String TEXTS = "strings.json";

  @Override
  public String description() {
    return "mask tokens (" + WEIGHTS + ", " + DATA + ", " + TEXTS + ")";
  }

  @Override
  public boolean recognises(Path folder) {
    return Files.isRegularFile(folder.resolve(WEIGHTS))
        && Files.isRegularFile(folder.resolve(DATA));
  }

  @Override
  public void certify(Path folder, NDManager manager, Kernels kernels, Report report)
      throws IOException {
    SegmentationTokens codec = SegmentationTokens.load(folder.resolve(WEIGHTS));
    try (TensorSource data = TensorSource.open(folder.resolve(DATA))) {
      report.part("masks -> tokens", () -> encode(codec, data, folder, report));
      report.part("tokens -> masks", () -> decode(codec, data, report));
    }
  }

  private static void encode(
      SegmentationTokens codec, TensorSource data, Path folder, Report report) throws IOException {
    long[] shape = data.shape("masks_u8").getShape();
    int height = (int) shape[1];
    int width = (int) shape[2];
    double[] levels = Reference.values(data, "masks_u8");
    double[] boxes = Reference.values(data, "boxes");
    double[] crops = Reference.values(data, "crops64");
    double[] features = Reference.values(data, "encoder_output");
    double[] codes = Reference.values(data, "seg_indices");
    int count = (int) shape[0];
    double[] ownCrops = {};
    double[] ownFeatures = {};
    double[] ownCodes = {};
    StringBuilder texts = new StringBuilder();
    for (int i = 0; i < count; i++) {
      BitSet inside = new BitSet(height * width);
      for (int p = 0; p < height * width; p++) {
        inside.set(p % width * height + p / width, levels[i * height * width + p] != 0);
      }
      Mask mask = new Mask(height, width, inside);
      BoundingBox box =
          new BoundingBox(boxes[4 * i], boxes[4 * i + 1], boxes[4 * i + 2], boxes[4 * i + 3]);
      float[] crop = SegmentationTokens.crop(mask, box);
      int[] own = codec.encode(mask, box);
      ownCrops = joined(ownCrops, crop);
      ownFeatures = joined(ownFeatures, codec.features(crop));
      ownCodes = Arrays.copyOf(ownCodes, ownCodes.length + own.length);
      System.arraycopy(Values.of(own), 0, ownCodes, ownCodes.length - own.length, own.length);
      texts.append(LocationTokens.encode(box)).append(SegmentationTokens.text(own)).append('\n');
    }
    report.check("mask -> crop", Values.absolute(ownCrops, crops), Tolerance.RESAMPLED);
    report.check("crop -> features", Values.ofLargest(ownFeatures, features), Tolerance.ACTIVATION);
    report.check("mask -> codes", Values.differing(ownCodes, codes), Tolerance.EXACT);
    if (Files.isRegularFile(folder.resolve(TEXTS))) {
      StringBuilder expected = new StringBuilder();
      for (JsonNode text : Reference.json(folder.resolve(TEXTS)).required("suffixes")) {
        expected.append(text.asText()).append('\n');
      }
      report.check("mask -> text", expected.compareTo(texts) == 0 ? 0 : 1, Tolerance.EXACT);
    } else {
      report.absent(TEXTS);
    }
  }

  private static void decode(SegmentationTokens codec, TensorSource data, Report report) {
    int[] codes =
        Arrays.stream(data.integers("decode_indices")).mapToInt(Math::toIntExact).toArray();
    double[] maps = {};
    for (int from = 0; from < codes.length; from += SegmentationTokens.LENGTH) {
      int[] one = Arrays.copyOfRange(codes, from, from + SegmentationTokens.LENGTH);
      maps = joined(maps, codec.decode(one));
    }
    report.check(
        "codes -> mask",
        Values.ofLargest(maps, Reference.values(data, "decoded_masks")),
        Tolerance.ACTIVATION);
  }

  private static double[] joined(double[] values, float[] more) {
    double[] joined = Arrays.copyOf(values, values.length + more.length);
    for (int i = 0; i < more.length; i++) {
      joined[values.length + i] = more[i];
    }
    return joined;
  }
}
