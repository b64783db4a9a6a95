package dev.palimpsest.cli.bench;

import dev.palimpsest.configs.Precision;
import java.util.List;
import java.util.Optional;

/**
 * The specified peak of a GPU: dense products, without sparsity and without TF32, from NVIDIA's
 * data sheets. The share of it that is reached is commonly called MFU.
 *
 * @param device part of the name that the driver reports; the first match counts
 * @param bf16 tera-operations a second with sums in float32
 * @param f32 tera-operations a second
 */
record DevicePeak(String device, double bf16, double f32) {
  private static final List<DevicePeak> PEAKS =
      List.of(
          new DevicePeak("H100 PCIe", 756, 51.2),
          new DevicePeak("H100 NVL", 835, 60),
          new DevicePeak("H100", 989.4, 66.9), // SXM
          new DevicePeak("H200 NVL", 835, 60),
          new DevicePeak("H200", 989.4, 66.9), // SXM
          new DevicePeak("GH200", 989.4, 66.9),
          new DevicePeak("A100", 312, 19.5),
          new DevicePeak("L40S", 362, 91.6),
          new DevicePeak("L4", 121, 30.3),
          new DevicePeak("RTX 4090", 165.2, 82.6));

  /** The peak of a device, if it is known. */
  static Optional<DevicePeak> of(String name) {
    return PEAKS.stream()
        .filter(peak -> name.matches(".*\\b" + peak.device() + "\\b.*"))
        .findFirst();
  }

  double teraflops(Precision precision) {
    return precision == Precision.BF16 ? bf16 : f32;
  }
}
