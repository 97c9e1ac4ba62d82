package dev.hornbeam.training.data;

import dev.hornbeam.training.UserError;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.ArchiveEntry;
import org.apache.commons.compress.archivers.ArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.zip.ZipArchiveInputStream;

/** Unpacks the archives that data sets are published in: files and folders only, and nothing outside the folder. */
final class Archive {
    private Archive() {}

    /**
     * Unpacks {@code file} into {@code folder}; files that are there are replaced.
     *
     * @return how many files there were
     * @throws IOException if the archive is damaged, names a path outside the folder, or the disk is full
     */
    static int unpack(Path file, ArchiveKind kind, Path folder) throws IOException {
        int count = 0;
        try (InputStream raw = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
                InputStream content = kind == ArchiveKind.TAR || kind == ArchiveKind.ZIP
                        ? raw
                        : new BufferedInputStream(new GZIPInputStream(raw, 1 << 16), 1 << 16);
                ArchiveInputStream<?> entries = kind == ArchiveKind.ZIP
                        ? new ZipArchiveInputStream(content)
                        : new TarArchiveInputStream(content)) {
            for (ArchiveEntry entry = entries.getNextEntry(); entry != null; entry = entries.getNextEntry()) {
                // Its holes would be written out as zeros, as many as it claims. No publisher has any.
                if (entry instanceof TarArchiveEntry tar && tar.isSparse()) {
                    throw new IOException("the archive has a sparse file; expected plain ones");
                }
                Path target = target(folder, entry.getName());
                if (!entry.isDirectory() && target.equals(folder.normalize())) {
                    throw new IOException("the archive has a file without a name");
                }
                if (entry.isDirectory()) {
                    Files.createDirectories(target);
                } else if (!(entry instanceof TarArchiveEntry tar) || tar.isFile()) {
                    Files.createDirectories(target.getParent());
                    Files.copy(entries, target, StandardCopyOption.REPLACE_EXISTING);
                    count++;
                }
            }
        } catch (UserError | IOException e) {
            throw e;
        } catch (RuntimeException e) {
            throw new IOException("the archive is damaged", e);
        }
        return count;
    }

    private static Path target(Path folder, String name) throws IOException {
        Path target;
        try {
            target = folder.resolve(name).normalize();
        } catch (InvalidPathException e) {
            throw new IOException("the archive names a file that cannot be", e);
        }
        if (!target.startsWith(folder.normalize())) {
            throw new IOException("the archive names a file outside its folder: " + name.replaceAll("\\p{Cc}", "?"));
        }
        return target;
    }
}
