/**
 * The {@code certify} command: runs the project's own code on reference cases and compares the
 * numbers. One class a kind of case; to add one, implement {@link
 * dev.palimpsest.cli.certify.CaseKind} and name it in {@code CertifyCommand}.
 */
@NullMarked
package dev.palimpsest.cli.certify;

import org.jspecify.annotations.NullMarked;
