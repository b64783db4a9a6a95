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

  /**
   * Nothing computes faster than at its peak: a step that did shows that the peak was measured too
   * low, such as on a machine that was busy with something else. The fastest step counts then.
   *
   * @param flops operations a second that a step has reached
   */
  public Peak orReached(double flops) {
    return this.flops > 0 && flops > this.flops ? new Peak(flops, source) : this;
  }
}
