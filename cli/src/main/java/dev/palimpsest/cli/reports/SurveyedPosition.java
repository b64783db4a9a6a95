package dev.palimpsest.cli.reports;

import org.jspecify.annotations.Nullable;

/**
 * What was found at a position of a stage.
 *
 * @param index of the position among those that are examined
 * @param position in the mixture's order
 * @param task number of its task in the mixture
 * @param tokens that the example needs
 * @param supervised supervised tokens that the model sees
 * @param cut whether EOS is truncated
 * @param sides geometric mean of each picture's sides, in pixels
 * @param problem why it could not be read; null if it could
 */
public record SurveyedPosition(
    int index,
    long position,
    int task,
    int tokens,
    int supervised,
    boolean cut,
    int[] sides,
    @Nullable String problem) {}
