/** Starting a run's processes: here, by Slurm, and by Kubernetes. */
@NullMarked
package dev.palimpsest.cli.launch;

import org.jspecify.annotations.NullMarked;
