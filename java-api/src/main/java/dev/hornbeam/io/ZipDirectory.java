package dev.hornbeam.io;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Where the entries of a zip archive lie in its bytes (APPNOTE 6.3, with zip64).
 *
 * <p>{@link java.util.zip.ZipFile} does not say where an entry's bytes are, and the point here is to leave them in the mapped
 * file. Strict: names are unique, entries neither overlap nor reach outside the file, nothing is encrypted. Checksums are not
 * compared, as PyTorch can be told not to compute them.
 */
final class ZipDirectory {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int LOCAL = 0x04034b50;
    private static final int CENTRAL = 0x02014b50;
    private static final int END = 0x06054b50;
    private static final int END_64 = 0x06064b50;
    private static final int LOCATOR_64 = 0x07064b50;

    private static final int LOCAL_SIZE = 30;
    private static final int CENTRAL_SIZE = 46;
    private static final int END_SIZE = 22;
    private static final int END_64_SIZE = 56;
    private static final int LOCATOR_64_SIZE = 20;
    private static final int LONGEST_COMMENT = 0xffff;
    private static final long IN_ZIP_64 = 0xffffffffL;

    private final Path path;
    private final MemorySegment file;
    private final Map<String, Entry> entries = new LinkedHashMap<>();

    /**
     * One entry.
     *
     * @param name with the folders before it
     * @param method 0 stored, 8 deflated
     * @param header where its local header begins
     * @param begin where its bytes begin
     * @param end where they end
     */
    record Entry(String name, int method, long header, long begin, long end) {}

    private ZipDirectory(Path path, MemorySegment file) {
        this.path = path;
        this.file = file;
    }

    /** Reads the directory of a mapped file. */
    static ZipDirectory read(Path path, MemorySegment file) throws TensorFileException {
        ZipDirectory directory = new ZipDirectory(path, file);
        try {
            directory.read();
        } catch (IndexOutOfBoundsException e) {
            throw directory.damaged("it points outside the file", e);
        }
        return directory;
    }

    /** Whether an archive is PyTorch's, which holds a pickle, and not one of arrays. */
    static boolean holdsPickle(Path path) throws IOException {
        try (Arena arena = Arena.ofConfined();
                FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            MemorySegment file = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            return read(path, file).entries.keySet().stream().anyMatch(name -> name.endsWith(".pkl"));
        } catch (InternalError e) {
            throw new TensorFileException(path, "the file became shorter while it was read", e);
        }
    }

    /** The entries by name, in the directory's order. */
    Map<String, Entry> entries() {
        return entries;
    }

    /** The bytes of a stored entry. */
    MemorySegment bytes(Entry entry) throws TensorFileException {
        if (entry.method != 0) {
            throw new TensorFileException(
                    path,
                    "zip entry \"" + entry.name + "\" is compressed, which PyTorch does not do; save it again with"
                            + " torch.save");
        }
        return file.asSlice(entry.begin, entry.end - entry.begin);
    }

    private void read() throws TensorFileException {
        long end = findEnd();
        long count = Short.toUnsignedLong(file.get(SHORT, end + 10));
        long size = Integer.toUnsignedLong(file.get(INT, end + 12));
        long offset = Integer.toUnsignedLong(file.get(INT, end + 16));
        long directoryEnd = end;
        long locator = end - LOCATOR_64_SIZE;
        if (locator >= 0 && file.get(INT, locator) == LOCATOR_64) {
            long end64 = file.get(LONG, locator + 8);
            if (end64 < 0 || end64 > locator - END_64_SIZE || file.get(INT, end64) != END_64) {
                throw damaged("its zip64 directory is not where it should be");
            }
            count = file.get(LONG, end64 + 32);
            size = file.get(LONG, end64 + 40);
            offset = file.get(LONG, end64 + 48);
            directoryEnd = end64;
        }
        if (offset < 0 || size < 0 || offset > directoryEnd || size != directoryEnd - offset) {
            throw damaged("its directory of " + size + " bytes at " + offset + " does not end at " + directoryEnd);
        }
        if (count < 0 || count > size / CENTRAL_SIZE) {
            throw damaged("its directory of " + size + " bytes cannot hold " + count + " entries");
        }
        long at = offset;
        for (long i = 0; i < count; i++) {
            at = entry(at, directoryEnd, offset);
        }
        if (at != directoryEnd) {
            throw damaged("its directory says " + count + " entries, but more follow");
        }
        checkApart();
    }

    private long findEnd() throws TensorFileException {
        long last = file.byteSize() - END_SIZE;
        for (long at = last; at >= Math.max(0, last - LONGEST_COMMENT); at--) {
            // Only a record whose comment ends with the file is the end; the rest is bytes that look like one.
            if (file.get(INT, at) == END
                    && at + END_SIZE + Short.toUnsignedInt(file.get(SHORT, at + 20)) == last + END_SIZE) {
                if (file.get(SHORT, at + 4) != 0 || file.get(SHORT, at + 6) != 0) {
                    throw damaged("it is one part of several");
                }
                return at;
            }
        }
        throw damaged("it has no directory at its end: it is cut off, or no zip archive");
    }

    private long entry(long at, long end, long dataEnd) throws TensorFileException {
        if (at > end - CENTRAL_SIZE || file.get(INT, at) != CENTRAL) {
            throw damaged("its directory breaks off at byte " + at);
        }
        int flags = file.get(SHORT, at + 8);
        int method = Short.toUnsignedInt(file.get(SHORT, at + 10));
        long[] sizes = {
            Integer.toUnsignedLong(file.get(INT, at + 24)),
            Integer.toUnsignedLong(file.get(INT, at + 20)),
            Integer.toUnsignedLong(file.get(INT, at + 42))
        };
        int nameLength = Short.toUnsignedInt(file.get(SHORT, at + 28));
        int extraLength = Short.toUnsignedInt(file.get(SHORT, at + 30));
        int commentLength = Short.toUnsignedInt(file.get(SHORT, at + 32));
        long next = at + CENTRAL_SIZE + nameLength + extraLength + commentLength;
        if (next > end) {
            throw damaged("its directory breaks off at byte " + at);
        }
        String name = name(at + CENTRAL_SIZE, nameLength);
        String where = "entry \"" + name + "\": ";
        widen(where, at + CENTRAL_SIZE + nameLength, extraLength, sizes);
        long size = sizes[0];
        long packed = sizes[1];
        long header = sizes[2];
        if ((flags & 1) != 0) {
            throw damaged(where + "it is encrypted");
        }
        if (method == 0 && size != packed) {
            throw damaged(where + "it is stored, but has " + size + " bytes in " + packed);
        }
        if (header < 0 || header > dataEnd - LOCAL_SIZE || file.get(INT, header) != LOCAL) {
            throw damaged(where + "it does not begin at byte " + header);
        }
        int localName = Short.toUnsignedInt(file.get(SHORT, header + 26));
        long begin = header + LOCAL_SIZE + localName + Short.toUnsignedInt(file.get(SHORT, header + 28));
        if (localName != nameLength
                || Short.toUnsignedInt(file.get(SHORT, header + 8)) != method
                || file.asSlice(header + LOCAL_SIZE, localName).mismatch(file.asSlice(at + CENTRAL_SIZE, nameLength))
                        >= 0) {
            throw damaged(where + "its own header and the directory contradict each other");
        }
        if (begin > dataEnd || packed < 0 || packed > dataEnd - begin) {
            throw damaged(where + "its " + packed + " bytes reach outside the file");
        }
        if (entries.put(name, new Entry(name, method, header, begin, begin + packed)) != null) {
            throw damaged(where + "it comes twice");
        }
        return next;
    }

    // Numbers of 32 bits that do not suffice are all ones, and follow in 64 bits in the extra field 1, in this order.
    private void widen(String where, long extra, int length, long[] sizes) throws TensorFileException {
        long at = extra;
        long end = extra + length;
        while (at + 4 <= end) {
            int id = Short.toUnsignedInt(file.get(SHORT, at));
            long fieldEnd = at + 4 + Short.toUnsignedInt(file.get(SHORT, at + 2));
            if (fieldEnd > end) {
                throw damaged(where + "its extra fields are damaged");
            }
            at += 4;
            if (id == 1) {
                for (int i = 0; i < sizes.length; i++) {
                    if (sizes[i] == IN_ZIP_64 && at + Long.BYTES <= fieldEnd) {
                        sizes[i] = file.get(LONG, at);
                        at += Long.BYTES;
                    }
                }
            }
            at = fieldEnd;
        }
    }

    private String name(long at, int length) throws TensorFileException {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(file.asSlice(at, length).toArray(ValueLayout.JAVA_BYTE)))
                    .toString();
        } catch (CharacterCodingException e) {
            throw damaged("the name of an entry is not UTF-8", e);
        }
    }

    private void checkApart() throws TensorFileException {
        List<Entry> ordered = new ArrayList<>(entries.values());
        ordered.sort(Comparator.comparingLong(Entry::header));
        long end = 0;
        for (Entry entry : ordered) {
            if (entry.header < end) {
                throw damaged("entry \"" + entry.name + "\" overlaps the one before it");
            }
            end = entry.end;
        }
    }

    private TensorFileException damaged(String why) {
        return new TensorFileException(path, "the zip archive is damaged: " + why);
    }

    private TensorFileException damaged(String why, Exception cause) {
        return new TensorFileException(path, "the zip archive is damaged: " + why, cause);
    }
}
