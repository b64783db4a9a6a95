/** Files that are whole or absent, what they hold, and text made harmless where it is shown. */
@org.jspecify.annotations.NullMarked
package dev.palimpsest.files;
