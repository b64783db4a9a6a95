/** What a stage writes of its steps: metrics, examples, what was skipped, memory and traffic. */
@NullMarked
package dev.palimpsest.stages.logs;

import org.jspecify.annotations.NullMarked;
