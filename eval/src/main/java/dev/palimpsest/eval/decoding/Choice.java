package dev.palimpsest.eval.decoding;

/**
 * A row's next token.
 *
 * @param logProbability under the model's own distribution
 * @param settled whether no other rounding could have led to another token
 */
record Choice(int token, float logProbability, boolean settled) {}
