package dev.palimpsest.eval;

/**
 * How a model does on one task.
 *
 * @param examples how many were scored
 * @param exactMatch share of examples whose decoded text is one of the accepted answers, character
 *     by character
 * @param tokenAccuracy teacher-forced: share of supervised tokens (the reference's and its EOS)
 *     that are strictly the most likely token after the true ones before them
 */
public record TaskResult(long examples, Score exactMatch, Score tokenAccuracy) {}
