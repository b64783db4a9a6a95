package dev.palimpsest.stages.training;

import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.stages.folder.RunFolder;

/**
 * A run, as the work on each of its stages needs it.
 *
 * @param recipe with {@code epochs} resolved, except on ranks that wait for their first stage
 * @param progress is told what is being done
 * @param stop checked wherever the work can end without loss
 */
public record Run(
    PipelineConfig recipe,
    RunFolder folder,
    Kernels kernels,
    Progress progress,
    StopRequest stop) {}
