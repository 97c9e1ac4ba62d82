package dev.hornbeam.training.data;

import java.util.Locale;
import java.util.Optional;

/** A way of packing many files into one, told by the end of the file's name. */
enum ArchiveKind {
    /** A tape archive. */
    TAR(".tar"),
    /** A tape archive, compressed with gzip. */
    TAR_GZ(".tar.gz"),
    /** The same with a shorter name. */
    TGZ(".tgz"),
    /** A zip archive. */
    ZIP(".zip");

    private final String ending;

    ArchiveKind(String ending) {
        this.ending = ending;
    }

    static Optional<ArchiveKind> of(String file) {
        String lower = file.toLowerCase(Locale.ROOT);
        for (ArchiveKind kind : values()) {
            if (lower.endsWith(kind.ending)) {
                return Optional.of(kind);
            }
        }
        return Optional.empty();
    }
}
