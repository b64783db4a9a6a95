package dev.palimpsest.files;

/**
 * A file that was written.
 *
 * @param name in its folder
 * @param bytes its size
 * @param sha256 of its bytes, in hexadecimal
 */
public record WrittenFile(String name, long bytes, String sha256) {}
