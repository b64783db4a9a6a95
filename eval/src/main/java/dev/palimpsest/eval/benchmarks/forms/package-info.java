/**
 * What a form of benchmark files is, and the two forms that any benchmark can take: Parquet and
 * JSON lines. Forms ignore unknown keys, take ids that are numbers or texts, and do without
 * answers, which test splits keep back.
 */
@NullMarked
package dev.palimpsest.eval.benchmarks.forms;

import org.jspecify.annotations.NullMarked;
