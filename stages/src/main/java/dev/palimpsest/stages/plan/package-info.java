/** What a run will cost before it begins: operations, memory, disk, time. */
@NullMarked
package dev.palimpsest.stages.plan;

import org.jspecify.annotations.NullMarked;
