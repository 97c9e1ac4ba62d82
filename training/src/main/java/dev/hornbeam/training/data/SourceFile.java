package dev.hornbeam.training.data;

import java.nio.file.Path;

/**
 * A file that images or labels were read from, for the provenance of a run.
 *
 * @param path where it was
 * @param sha256 SHA-256 in lower-case hexadecimal: of the decompressed content for IDX files (so that it does not
 *     depend on how they were packed), of the file itself otherwise
 * @param published whether that is the checksum of the publisher's file; false for files that nobody published
 */
public record SourceFile(Path path, String sha256, boolean published) {}
