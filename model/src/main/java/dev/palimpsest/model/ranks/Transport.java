package dev.palimpsest.model.ranks;

import ai.djl.Device;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import java.util.List;
import java.util.Map;

/** The library that connects ranks. */
enum Transport {
  MPI,
  NCCL;

  /** Names one where the device's own is not wanted. */
  static final String VARIABLE = "PALIMPSEST_COLLECTIVES";

  /** NCCL between GPUs, MPI between processors, unless the environment names one. */
  static Transport of(Device device, Map<String, String> environment) {
    String named = environment.getOrDefault(VARIABLE, "");
    return switch (named) {
      case "" -> device.isGpu() ? NCCL : MPI;
      case "mpi" -> MPI;
      case "nccl" -> NCCL;
      default -> throw mistake(VARIABLE + " must be mpi or nccl, got '" + named + "'");
    };
  }

  /** A mistake in a process's environment, which the user can correct. */
  static InvalidConfigException mistake(String what) {
    return new InvalidConfigException(List.of(new Problem("environment", what)));
  }
}
