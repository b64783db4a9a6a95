package dev.palimpsest.model.ranks;

import org.jspecify.annotations.Nullable;

/**
 * What a launcher says of a group of processes, and of this one.
 *
 * @param rank of this process, from 0
 * @param size number of processes
 * @param host on which the first one can be reached; null if the launcher does not say
 * @param port that is free there, for processes to find each other; 0 if the launcher names none
 */
public record Group(int rank, int size, @Nullable String host, int port) {}
