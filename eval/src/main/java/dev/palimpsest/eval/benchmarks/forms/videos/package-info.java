/**
 * The published forms of benchmarks on videos, one class each; an example's picture is the name of
 * the video's folder of frames.
 */
@NullMarked
package dev.palimpsest.eval.benchmarks.forms.videos;

import org.jspecify.annotations.NullMarked;
