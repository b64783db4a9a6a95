package dev.palimpsest.stages;

/**
 * The verdict of a gate.
 *
 * @param holds whether the run may continue
 * @param reason score, condition and verdict in one sentence
 */
public record GateVerdict(boolean holds, String reason) {}
