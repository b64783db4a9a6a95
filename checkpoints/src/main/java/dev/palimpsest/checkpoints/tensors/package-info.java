/** Tensor files: safetensors, npz, and their element types. */
@NullMarked
package dev.palimpsest.checkpoints.tensors;

import org.jspecify.annotations.NullMarked;
