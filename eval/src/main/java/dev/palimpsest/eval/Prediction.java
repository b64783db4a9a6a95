package dev.palimpsest.eval;

/**
 * What a model answered to one example; one line of a task's predictions file.
 *
 * @param id the example's id in its source
 * @param prompt the example's prefix
 * @param prediction decoded text, cut at EOS
 * @param reference the example's suffix
 * @param correct whether prediction and reference are the same string
 */
public record Prediction(
    String id, String prompt, String prediction, String reference, boolean correct) {}
