package dev.hornbeam.io;

import dev.hornbeam.tensor.Tensor;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/** Several named arrays in numpy's .npz format: a zip archive of .npy files, stored or deflated. See {@link Npy}. */
public final class Npz implements WeightsSource {
    private static final String SUFFIX = ".npy";

    /** Deflate makes nothing smaller than this. */
    private static final long BEST_RATIO = 1032;

    private static final int CHUNK = 1 << 16;

    /** A fixed time, so that equal arrays give equal files. */
    private static final LocalDateTime TIME = LocalDateTime.of(1980, 1, 1, 0, 0);

    private final Path path;
    private final long length;
    private final ZipFile zip;
    private final Map<String, ZipEntry> entries;
    private Map<String, StoredTensor> tensors;

    private Npz(Path path, long length, ZipFile zip, Map<String, ZipEntry> entries) {
        this.path = path;
        this.length = length;
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
        } catch (ZipException | IllegalArgumentException e) {
            throw new TensorFileException(path, "not a readable .npz (zip) archive: " + e.getMessage(), e);
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
                        throw new TensorFileException(path, where(name) + "it comes twice");
                    }
                }
            }
            Npz npz = new Npz(path, Files.size(path), zip, entries);
            done = true;
            return npz;
        } catch (IllegalArgumentException e) {
            throw new TensorFileException(path, "not a readable .npz (zip) archive: " + e.getMessage(), e);
        } finally {
            if (!done) {
                zip.close();
            }
        }
    }

    /** Opens an archive of weights: other than pictures, they take no more memory than a few times the file's size. */
    static Npz openWeights(Path path) throws IOException {
        Npz npz = open(path);
        boolean done = false;
        try {
            if (npz.entries.isEmpty()) {
                throw new TensorFileException(path, "the zip archive holds neither arrays (.npy) nor a data.pkl");
            }
            StoredTensor.checkGrowth(path, npz.tensors().values(), npz.length);
            done = true;
            return npz;
        } finally {
            if (!done) {
                npz.close();
            }
        }
    }

    @Override
    public String format() {
        return "NumPy .npz";
    }

    /** The arrays' names, types and shapes: reads the header of every one. */
    @Override
    public Map<String, StoredTensor> tensors() throws IOException {
        if (tensors == null) {
            Map<String, StoredTensor> described = new LinkedHashMap<>();
            for (String name : entries.keySet()) {
                NpyHeader header = header(name);
                String type = header.kind() == 'b' ? "bool" : "" + header.kind() + 8 * header.itemSize();
                long[] shape =
                        header.shape().stream().mapToLong(Long::longValue).toArray();
                described.put(name, new StoredTensor(name, type, header.dtype(), shape));
            }
            tensors = Collections.unmodifiableMap(described);
        }
        return tensors;
    }

    @Override
    public Map<String, String> metadata() {
        return Map.of();
    }

    /** The arrays' names, in the archive's order. */
    public Set<String> names() {
        return Collections.unmodifiableSet(entries.keySet());
    }

    /**
     * Reads the header of an array, to look at type and shape before memory is taken for the elements.
     *
     * @throws IllegalArgumentException when there is none of that name
     * @throws TensorFileException when it is damaged, or has a type or order that is not read
     */
    public NpyHeader header(String name) throws IOException {
        ZipEntry entry = entry(name);
        try (InputStream in = zip.getInputStream(entry)) {
            return header(name, entry, in);
        } catch (ZipException | EOFException | IllegalArgumentException e) {
            throw damaged(name, e);
        }
    }

    /**
     * Reads an array; its checksum is compared.
     *
     * @throws IllegalArgumentException when there is none of that name
     * @throws TensorFileException when it is damaged, or has a type or order that is not read
     */
    public HostArray read(String name) throws IOException {
        ZipEntry entry = entry(name);
        CRC32 crc = new CRC32();
        try (InputStream in = new CheckedInputStream(zip.getInputStream(entry), crc)) {
            NpyHeader header = header(name, entry, in);
            long bytes = header.bytes();
            MemorySegment elements =
                    Arena.ofAuto().allocate(Math.max(1, bytes), Long.BYTES).asSlice(0, bytes);
            byte[] chunk = new byte[CHUNK];
            for (long at = 0; at < bytes; ) {
                int count = in.read(chunk, 0, (int) Math.min(CHUNK, bytes - at));
                if (count < 0) {
                    throw new TensorFileException(path, where(name) + "it is shorter than the archive says");
                }
                MemorySegment.copy(MemorySegment.ofArray(chunk), 0, elements, at, count);
                at += count;
            }
            if (in.read() >= 0) {
                throw new TensorFileException(path, where(name) + "it is longer than the archive says");
            }
            if (crc.getValue() != entry.getCrc()) {
                throw new TensorFileException(
                        path,
                        where(name) + "damaged: its CRC-32 does not fit its content; copy or fetch the file again");
            }
            return Npy.array(path, where(name), header, elements);
        } catch (ZipException | EOFException | IllegalArgumentException e) {
            throw damaged(name, e);
        }
    }

    private ZipEntry entry(String name) {
        ZipEntry entry = entries.get(name);
        if (entry == null) {
            throw new IllegalArgumentException(path + " has no array \"" + name + "\", but " + entries.keySet());
        }
        return entry;
    }

    private NpyHeader header(String name, ZipEntry entry, InputStream in) throws IOException {
        long size = entry.getSize();
        long compressed = entry.getCompressedSize();
        // A damaged size must not become a request for all memory.
        if (size < 0 || compressed < 0 || compressed > length || size / BEST_RATIO > compressed) {
            throw new TensorFileException(path, where(name) + "the archive gives an impossible size");
        }
        NpyHeader header = NpyHeader.read(path, where(name), in);
        Npy.check(path, where(name), header, size - header.length());
        return header;
    }

    private static String where(String name) {
        return "array \"" + name + "\": ";
    }

    private TensorFileException damaged(String name, Exception cause) {
        return new TensorFileException(path, where(name) + "damaged: " + cause.getMessage(), cause);
    }

    /** Reads an array as a tensor on the CPU, in the innermost scope. */
    @Override
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
