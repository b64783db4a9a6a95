/**
 * The processes that train one model together, and what they exchange: one small interface over MPI
 * and NCCL.
 */
@NullMarked
package dev.palimpsest.model.ranks;

import org.jspecify.annotations.NullMarked;
