package dev.palimpsest.stages.plan;

import dev.palimpsest.stages.folder.RunFolder;
import java.util.Optional;

/** Whether the disk of a run folder has room for what a plan expects there. */
public final class DiskRoom {
  private DiskRoom() {}

  /**
   * What is missing, in a sentence; empty if there is enough. The plan's bytes are the most that
   * the folder can hold, so a run may end with less.
   *
   * @param free bytes that the disk has for it
   */
  public static Optional<String> shortage(Plan plan, RunFolder folder, long free) {
    long most = plan.diskAtMost();
    long there = plan.stages().stream().mapToLong(stage -> folder.savedBytes(stage.name())).sum();
    long needed = Math.max(0, most - there);
    return needed <= free
        ? Optional.empty()
        : Optional.of(
            "%s can grow by %s, to %s of checkpoints, arrays and exports, and its disk has %s free: make room for %s more, or keep and export less"
                .formatted(
                    folder.root(),
                    Amounts.bytes(needed),
                    Amounts.bytes(most),
                    Amounts.bytes(free),
                    Amounts.bytes(needed - free)));
  }
}
