/** Near-duplicates: pictures and texts of one collection that stand in another as well. */
@org.jspecify.annotations.NullMarked
package dev.palimpsest.mixtures.duplicates;
