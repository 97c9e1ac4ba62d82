package dev.hornbeam.training.corruption.build;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.image.ImageFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.stream.Stream;

/** Compares the files of a set with its manifest. */
public final class SetVerification {
    private SetVerification() {}

    /**
     * What was found.
     *
     * @param files number of files that the manifest lists
     * @param problems one line for each file that is missing or different, and for those that should not be there
     */
    public record Result(long files, List<String> problems) {
        /** Copies the list. */
        public Result {
            problems = List.copyOf(problems);
        }
    }

    /**
     * Returns the number of files that the manifest of the set lists.
     *
     * @throws UserError if there is no manifest or it is damaged
     */
    public static long files(Path folder) {
        requireManifest(folder);
        return BuildManifest.counts(folder).files();
    }

    /**
     * Reads every file of the set.
     *
     * @param progress is told of files that were looked at
     * @throws UserError if there is no manifest or it is damaged
     */
    public static Result of(Path folder, IntConsumer progress) {
        requireManifest(folder);
        List<String> problems = new ArrayList<>();
        long[] listed = {0};
        long[] present = {0};
        BuildManifest.forEachFile(folder, entry -> {
            listed[0]++;
            Path file = folder.resolve(entry.path());
            if (!Files.isRegularFile(file)) {
                problems.add(entry.path() + ": missing");
            } else {
                present[0]++;
                long bytes = Files.size(file);
                if (bytes != entry.bytes()) {
                    problems.add(entry.path() + ": has " + bytes + " bytes, expected " + entry.bytes());
                } else {
                    String sha256 = Checksum.of(file);
                    if (!sha256.equals(entry.sha256())) {
                        problems.add(entry.path() + ": has SHA-256 " + sha256 + ", expected " + entry.sha256());
                    }
                }
            }
            progress.accept(1);
        });
        // Whoever reads the set would read them too.
        long extra = count(folder) - present[0];
        if (extra > 0) {
            problems.add(extra + " arrays or images are there that the manifest does not list");
        }
        return new Result(listed[0], problems);
    }

    private static void requireManifest(Path folder) {
        if (!Files.isRegularFile(folder.resolve(BuildManifest.FILE))) {
            throw new UserError(folder + " has no " + BuildManifest.FILE
                    + (Files.isDirectory(folder.resolve(".hornbeam-corrupt"))
                            ? ": the set is unfinished; run the command that builds it again"
                            : "; expected the folder of a set that hornbeam corrupt has built"));
        }
    }

    // Arrays anywhere; images only in folders, as a contact sheet may lie beside them.
    private static long count(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> isOfSet(folder.relativize(file)) && Files.isRegularFile(file))
                    .count();
        } catch (IOException e) {
            throw UserError.cannotRead(folder, e);
        }
    }

    private static boolean isOfSet(Path relative) {
        return relative.toString().endsWith(".npy")
                || (relative.getNameCount() > 1 && ImageFormat.isImageName(relative));
    }
}
