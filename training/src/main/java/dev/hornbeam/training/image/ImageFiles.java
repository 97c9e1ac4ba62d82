package dev.hornbeam.training.image;

import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;

/** Finds the image files in a folder, in the same order on every machine. */
public final class ImageFiles {
    private ImageFiles() {}

    /**
     * Returns the files in {@code folder} that have the name of an image, ordered by their path relative to it.
     *
     * <p>Links are followed. Hidden files and folders, whose names begin with a dot, are left out.
     *
     * @param recursive whether folders in it, and in those, are searched too
     * @throws UserError if a folder cannot be read, or there is no image
     */
    public static List<Path> list(Path folder, boolean recursive) {
        Search search = new Search(folder);
        try {
            Files.walkFileTree(
                    folder, EnumSet.of(FileVisitOption.FOLLOW_LINKS), recursive ? Integer.MAX_VALUE : 1, search);
        } catch (IOException e) {
            throw UserError.cannotRead(search.current, e);
        }
        if (search.found.isEmpty()) {
            String advice = !recursive && search.folders ? "; to search the folders in it too, add --recursive" : "";
            throw new UserError("there is no image in " + folder + "; expected files whose names end in "
                    + ImageFormat.extensions() + advice);
        }
        search.found.sort(Comparator.comparing(file -> name(folder, file)));
        return search.found;
    }

    /** Returns the path of {@code file} relative to {@code folder}, with slashes. */
    public static String name(Path folder, Path file) {
        return folder.relativize(file).toString().replace(file.getFileSystem().getSeparator(), "/");
    }

    private static final class Search extends SimpleFileVisitor<Path> {
        private final Path root;
        private final List<Path> found = new ArrayList<>();
        private Path current;
        private boolean folders;

        Search(Path root) {
            this.root = root;
            this.current = root;
        }

        @Override
        public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
            current = folder;
            return folder.equals(root) || !isHidden(folder) ? FileVisitResult.CONTINUE : FileVisitResult.SKIP_SUBTREE;
        }

        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (attributes.isDirectory()) {
                folders |= !isHidden(file);
            } else if (ImageFormat.isImageName(file)) {
                found.add(file);
            }
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult visitFileFailed(Path file, IOException failure) throws IOException {
            // A link to a folder that it lies in: that folder is searched anyway.
            if (failure instanceof FileSystemLoopException) {
                return FileVisitResult.CONTINUE;
            }
            current = file;
            throw failure;
        }

        private static boolean isHidden(Path path) {
            Path name = path.getFileName();
            return name != null && name.toString().startsWith(".");
        }
    }
}
