/** Results in the forms that the Hugging Face Hub shows. */
@NullMarked
package dev.palimpsest.cli.hub;

import org.jspecify.annotations.NullMarked;
