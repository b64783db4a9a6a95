package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.model.kernels.Kernels;
import java.io.IOException;
import java.nio.file.Path;

/** A kind of reference case, recognised by its files. */
interface CaseKind {
  /**
   * A description and the files by which it is recognised, for the message about an unknown folder.
   */
  String description();

  /** Whether a folder is such a case. */
  boolean recognises(Path folder);

  /**
   * Runs every comparison that the folder's files allow.
   *
   * @param manager everything created lives in children of it
   * @throws IOException when the case's files cannot be read
   */
  void certify(Path folder, NDManager manager, Kernels kernels, Report report) throws IOException;
}
