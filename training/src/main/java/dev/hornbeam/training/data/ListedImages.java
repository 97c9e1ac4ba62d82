package dev.hornbeam.training.data;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.image.Preprocessing;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** Image files and their classes, gathered one by one until they are a set. */
final class ListedImages {
    /** What systems take for the longest path. */
    static final int LONGEST_PATH = 4096;

    private final Path folder;
    private final List<String> files = new ArrayList<>();
    private final List<Integer> labels = new ArrayList<>();

    /** Begins an empty list of images below {@code folder}. */
    ListedImages(Path folder) {
        this.folder = folder;
    }

    /**
     * Adds an image that a list names.
     *
     * @param file path relative to the folder, with slashes
     * @param list that names it, for messages
     * @throws UserError if it is not below the folder, or not there
     */
    void addNamed(String file, int label, Path list) {
        if (file.length() > LONGEST_PATH) {
            throw new UserError(list + ": \"" + printable(file) + "\" is too long for the name of a file");
        }
        Path path;
        try {
            path = Path.of(file);
        } catch (InvalidPathException e) {
            throw new UserError(list + ": \"" + printable(file) + "\" cannot be the name of a file", e);
        }
        if (file.isEmpty()
                || path.isAbsolute()
                || path.startsWith("..")
                || path.normalize().startsWith("..")) {
            throw new UserError(
                    list + ": names the image \"" + printable(file) + "\"; expected a path below " + folder);
        }
        if (!Files.isRegularFile(folder.resolve(path))) {
            throw new UserError(
                    list + ": names the image " + printable(file) + ", but " + folder + " has no such file");
        }
        add(file, label);
    }

    /** Adds an image that was found. */
    void add(String file, int label) {
        files.add(file);
        labels.add(label);
    }

    private static String printable(String text) {
        return (text.length() <= 120 ? text : text.substring(0, 120) + "...").replaceAll("\\p{Cc}", "?");
    }

    ImageFolderSource source() {
        return new ImageFolderSource(folder, files);
    }

    /**
     * Returns the set of them.
     *
     * @param lists files that the list was read from
     * @throws UserError if there is no image
     */
    ImageSet toSet(String name, Split split, Preprocessing fit, List<String> classNames, List<Path> lists) {
        if (files.isEmpty()) {
            throw new UserError(folder + ": no images found for the "
                    + split.name().toLowerCase(java.util.Locale.ROOT) + " part of " + name);
        }
        return ImageSet.onDemand(
                name,
                split,
                source(),
                fit,
                labels.stream().mapToInt(Integer::intValue).toArray(),
                classNames,
                lists.stream().map(ListedImages::source).toList());
    }

    /** Returns the provenance of a file: its SHA-256. */
    static SourceFile source(Path file) {
        return new SourceFile(file, sha256(file), false);
    }

    static String sha256(Path file) {
        var digest = ImageSet.sha256();
        try (InputStream in = Files.newInputStream(file)) {
            byte[] chunk = new byte[1 << 16];
            for (int count = in.read(chunk); count >= 0; count = in.read(chunk)) {
                digest.update(chunk, 0, count);
            }
        } catch (IOException e) {
            throw UserError.cannotRead(file, e);
        }
        return HexFormat.of().formatHex(digest.digest());
    }
}
