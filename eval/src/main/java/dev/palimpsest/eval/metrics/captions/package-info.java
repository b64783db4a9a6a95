/** Metrics of captions, with the Penn Treebank tokenizer that COCO's captions are compared in. */
@NullMarked
package dev.palimpsest.eval.metrics.captions;

import org.jspecify.annotations.NullMarked;
