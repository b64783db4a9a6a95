/** Rows from files: JSON lines, Parquet, Arrow, WebDataset, COCO, VQA, Open Images. */
@NullMarked
package dev.palimpsest.mixtures.sources;

import org.jspecify.annotations.NullMarked;
