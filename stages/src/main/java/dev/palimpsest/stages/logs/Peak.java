package dev.palimpsest.stages.logs;

/**
 * What the device can do at most: model FLOPs utilization (MFU) is the share of it that training
 * reaches.
 *
 * @param flops floating-point operations a second; 0 if unknown
 * @param source how it is known, for people
 */
public record Peak(double flops, String source) {
  /** Nothing is known. */
  public static final Peak UNKNOWN = new Peak(0, "unknown");
}
