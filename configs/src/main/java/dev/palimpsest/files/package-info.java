/** Files that are whole or absent, and what they hold. */
@org.jspecify.annotations.NullMarked
package dev.palimpsest.files;
