package dev.palimpsest.stages.plan;

import dev.palimpsest.configs.Precision;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A GPU as NVIDIA's data sheets specify it: dense products, without sparsity and without TF32. The
 * share of the peak that is reached is commonly called MFU.
 *
 * @param device part of the name that the driver reports; in options without spaces
 * @param gibibytes of memory
 * @param bf16 tera-operations a second with sums in float32
 * @param f32 tera-operations a second
 */
public record Accelerator(String device, int gibibytes, double bf16, double f32) {
  /** More specific names come first. */
  private static final List<Accelerator> KNOWN =
      List.of(
          new Accelerator("H100 PCIe", 80, 756, 51.2),
          new Accelerator("H100 NVL", 94, 835, 60),
          new Accelerator("H100", 80, 989.4, 66.9), // SXM
          new Accelerator("H200 NVL", 141, 835, 60),
          new Accelerator("H200", 141, 989.4, 66.9), // SXM
          new Accelerator("GH200", 96, 989.4, 66.9),
          new Accelerator("A100", 80, 312, 19.5),
          new Accelerator("L40S", 48, 362, 91.6),
          new Accelerator("L4", 24, 121, 30.3),
          new Accelerator("RTX 4090", 24, 165.2, 82.6));

  /** The device with a name that a driver reports, if it is known. */
  public static Optional<Accelerator> reported(String name) {
    return KNOWN.stream()
        .filter(known -> name.matches(".*\\b" + known.device() + "\\b.*"))
        .findFirst();
  }

  /** The device with a name as in an option, such as {@code h100-pcie}. */
  public static Optional<Accelerator> named(String option) {
    return KNOWN.stream()
        .filter(known -> known.option().equals(option.toLowerCase(Locale.ROOT)))
        .findFirst();
  }

  /** The names of all, as in options. */
  public static List<String> names() {
    return KNOWN.stream().map(Accelerator::option).toList();
  }

  private String option() {
    return device.toLowerCase(Locale.ROOT).replace(' ', '-');
  }

  /** Specified tera-operations a second. */
  public double teraflops(Precision precision) {
    return precision == Precision.BF16 ? bf16 : f32;
  }
}
