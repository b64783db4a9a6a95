package dev.palimpsest.model;

/**
 * Loss of a micro batch.
 *
 * @param mean mean over examples of the mean over supervised tokens, before {@link
 *     LossOptions#weight()}
 * @param perExample the same by example, [B]
 * @param supervisedTokens supervised tokens by example, [B]
 */
public record Loss(double mean, float[] perExample, int[] supervisedTokens) {}
