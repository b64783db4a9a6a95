/**
 * What a stage carries from step to step: its arrays, in memory or on disk, and its checkpoints.
 */
@NullMarked
package dev.palimpsest.stages.state;

import org.jspecify.annotations.NullMarked;
