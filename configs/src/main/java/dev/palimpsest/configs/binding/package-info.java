/**
 * From YAML to records, with all mistakes at once; presets, overrides, variables, and back to YAML.
 */
@NullMarked
package dev.palimpsest.configs.binding;

import org.jspecify.annotations.NullMarked;
