package dev.hornbeam.io;

import dev.hornbeam.tensor.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/** Several named arrays in numpy's .npz format: a zip archive of .npy files. */
public final class Npz implements AutoCloseable {
    private static final String SUFFIX = ".npy";

    /** Deflate makes nothing smaller than this. */
    private static final long BEST_RATIO = 1032;

    private static final int CHUNK = 1 << 16;

    /** A fixed time, so that equal arrays give equal files. */
    private static final LocalDateTime TIME = LocalDateTime.of(1980, 1, 1, 0, 0);

    private final Path path;
    private final ZipFile zip;
    private final Map<String, ZipEntry> entries;

    private Npz(Path path, ZipFile zip, Map<String, ZipEntry> entries) {
        this.path = path;
        this.zip = zip;
        this.entries = entries;
    }

    /**
     * Opens an archive and reads its list of arrays.
     *
     * @throws TensorFileException when it is no zip archive, or a name comes twice
     */
    public static Npz open(Path path) throws IOException {
        ZipFile zip;
        try {
            zip = new ZipFile(path.toFile());
        } catch (java.util.zip.ZipException | IllegalArgumentException e) {
            throw new TensorFileException(path, "not a .npz file: " + e.getMessage(), e);
        }
        boolean done = false;
        try {
            Map<String, ZipEntry> entries = new LinkedHashMap<>();
            Enumeration<? extends ZipEntry> all = zip.entries();
            while (all.hasMoreElements()) {
                ZipEntry entry = all.nextElement();
                if (entry.getName().endsWith(SUFFIX)) {
                    String name = entry.getName().substring(0, entry.getName().length() - SUFFIX.length());
                    if (entries.put(name, entry) != null) {
                        throw new TensorFileException(path, "array \"" + name + "\" comes twice");
                    }
                }
            }
            done = true;
            return new Npz(path, zip, entries);
        } catch (IllegalArgumentException e) {
            throw new TensorFileException(path, "a damaged .npz file: " + e.getMessage(), e);
        } finally {
            if (!done) {
                zip.close();
            }
        }
    }

    /** The arrays' names, in the archive's order. */
    public Set<String> names() {
        return Collections.unmodifiableSet(entries.keySet());
    }

    /**
     * Reads an array.
     *
     * @throws IllegalArgumentException when there is none of that name
     * @throws TensorFileException when it is damaged, or has a type or order that is not read
     */
    public HostArray read(String name) throws IOException {
        ZipEntry entry = entries.get(name);
        if (entry == null) {
            throw new IllegalArgumentException(path + " has no array \"" + name + "\", but " + entries.keySet());
        }
        String where = "array \"" + name + "\": ";
        long size = entry.getSize();
        // A damaged size must not become a request for all memory.
        if (size < 0 || entry.getCompressedSize() < 0 || size / BEST_RATIO > entry.getCompressedSize() + 1) {
            throw new TensorFileException(path, where + "the archive gives an impossible size");
        }
        try (InputStream in = zip.getInputStream(entry)) {
            MemorySegment file = Arena.ofAuto().allocate(Math.max(1, size), Long.BYTES);
            byte[] chunk = new byte[CHUNK];
            long at = 0;
            for (int read = in.read(chunk); read >= 0; read = in.read(chunk)) {
                if (read > size - at) {
                    throw new TensorFileException(path, where + "it is longer than the archive says");
                }
                MemorySegment.copy(MemorySegment.ofArray(chunk), 0, file, at, read);
                at += read;
            }
            if (at != size) {
                throw new TensorFileException(path, where + "it is shorter than the archive says");
            }
            return Npy.array(path, where, file.asSlice(0, size));
        } catch (java.util.zip.ZipException | java.io.EOFException | IllegalArgumentException e) {
            throw new TensorFileException(path, where + "damaged: " + e.getMessage(), e);
        }
    }

    /** Reads an array as a tensor on the CPU, in the innermost scope. */
    public Tensor readTensor(String name) throws IOException {
        return read(name).toTensor();
    }

    /** Closes the archive; arrays that were read stay. */
    @Override
    public void close() throws IOException {
        zip.close();
    }

    /**
     * Writes arrays in their order, aside and with a rename at the end.
     *
     * @param compress whether to deflate them, as savez_compressed does
     */
    public static void write(Path path, Map<String, HostArray> arrays, boolean compress) throws IOException {
        AtomicFile.write(path, channel -> {
            // The stream is finished, not closed: the channel is the caller's.
            ZipOutputStream zip = new ZipOutputStream(Channels.newOutputStream(channel));
            zip.setLevel(compress ? 6 : 0);
            List<Map.Entry<String, HostArray>> ordered = new ArrayList<>(arrays.entrySet());
            for (Map.Entry<String, HostArray> named : ordered) {
                ZipEntry entry = new ZipEntry(named.getKey() + SUFFIX);
                entry.setTimeLocal(TIME);
                zip.putNextEntry(entry);
                zip.write(Npy.header(named.getValue()));
                copy(named.getValue().data(), zip);
                zip.closeEntry();
            }
            zip.finish();
        });
    }

    private static void copy(MemorySegment data, ZipOutputStream zip) throws IOException {
        byte[] chunk = new byte[CHUNK];
        for (long at = 0; at < data.byteSize(); at += CHUNK) {
            int count = (int) Math.min(CHUNK, data.byteSize() - at);
            MemorySegment.copy(data, at, MemorySegment.ofArray(chunk), 0, count);
            zip.write(chunk, 0, count);
        }
    }
}
