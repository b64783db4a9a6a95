package dev.palimpsest.stages;

/**
 * What a gate says.
 *
 * @param holds whether the run may go on
 * @param reason score, condition and verdict in one sentence
 */
public record GateVerdict(boolean holds, String reason) {}
