/** What a stage was made from: identities, data, ancestors. */
@NullMarked
package dev.palimpsest.stages.lineage;

import org.jspecify.annotations.NullMarked;
