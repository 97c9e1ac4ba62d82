package dev.hornbeam.training.data;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.InflaterInputStream;

/**
 * The elements of a MATLAB file of version 5 to 7 (MAT-File Format, chapter 1), looked at before a library reads them: it
 * takes memory for what their tags claim, be they damaged or not.
 *
 * <p>Every element has to end within the one around it or the file, and cells and structures cannot be more than they have
 * bytes for.
 */
final class MatElements {
    private static final int HEADER = 128;
    private static final int MATRIX = 14;
    private static final int COMPRESSED = 15;
    private static final int CELL = 1;
    private static final int OBJECT = 3;
    private static final int TAG = 8;
    // MATLAB nests a few; deeper ones would fill the stack.
    private static final int DEEPEST = 64;

    private final DataInputStream in;
    private final boolean bigEndian;
    private long at;

    private MatElements(InputStream in, boolean bigEndian) {
        this.in = new DataInputStream(in);
        this.bigEndian = bigEndian;
    }

    /**
     * Looks at all elements.
     *
     * @param file of 128 bytes at least
     * @throws IOException saying which element claims too much
     */
    static void check(byte[] file) throws IOException {
        boolean bigEndian = file[126] == 'M' && file[127] == 'I';
        ByteBuffer bytes = ByteBuffer.wrap(file).order(bigEndian ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
        int at = HEADER;
        // What is too short for an element is passed over, as the library does.
        while (file.length - at >= TAG) {
            int type = bytes.getInt(at);
            int size = bytes.getInt(at + 4);
            int rest = file.length - at - TAG;
            if (type >>> 16 != 0) {
                throw new IOException("the element at byte " + at + " is no variable");
            }
            if (size < 0 || size > rest) {
                throw claims(at, size, rest);
            }
            try {
                if (type == COMPRESSED) {
                    // The length of what comes out is written nowhere else than in its tag.
                    try (InputStream content =
                            new InflaterInputStream(new ByteArrayInputStream(file, at + TAG, size))) {
                        new MatElements(content, bigEndian).element(Long.MAX_VALUE, 0);
                    }
                } else if (type == MATRIX) {
                    new MatElements(new ByteArrayInputStream(file, at + TAG, size), bigEndian).matrix(size, 0);
                }
            } catch (EOFException e) {
                throw new IOException("the element at byte " + at + " breaks off", e);
            }
            at += TAG + size;
        }
    }

    private static IOException claims(long at, long size, long rest) {
        return new IOException(
                "the element at byte " + at + " claims " + (size & 0xffffffffL) + " bytes, but " + rest + " follow");
    }

    private int readInt() throws IOException {
        int number = in.readInt();
        at += Integer.BYTES;
        return bigEndian ? number : Integer.reverseBytes(number);
    }

    private void skip(long count) throws IOException {
        in.skipNBytes(count);
        at += count;
    }

    // An element that has to end before `end`, with the bytes that fill it up to a multiple of eight.
    private void element(long end, int depth) throws IOException {
        int type = readInt();
        if (type >>> 16 != 0) {
            // A small one: type, size and up to four bytes in one tag.
            skip(4);
            return;
        }
        long size = readInt();
        if (size < 0 || size > end - at) {
            throw claims(at - TAG, size, end - at);
        }
        if (type == MATRIX) {
            matrix(at + size, depth + 1);
        } else {
            skip(size);
            skip(Math.min((8 - size % 8) % 8, Math.max(0, end - at)));
        }
    }

    private void matrix(long end, int depth) throws IOException {
        if (depth > DEEPEST) {
            throw new IOException("its cells nest deeper than " + DEEPEST);
        }
        long begin = at;
        int kind = -1;
        for (int part = 0; at < end; part++) {
            if (end - at < TAG) {
                skip(end - at);
            } else if (part < 2) {
                int[] numbers = numbers(end);
                if (part == 0) {
                    kind = numbers.length == 0 ? -1 : numbers[0] & 0xff;
                } else if (kind >= CELL && kind <= OBJECT) {
                    checkCount(numbers, end - begin);
                }
            } else {
                element(end, depth);
            }
        }
    }

    // Flags and dimensions come first, of 32 bits each.
    private int[] numbers(long end) throws IOException {
        int type = readInt();
        boolean small = type >>> 16 != 0;
        long size = small ? type >>> 16 : readInt();
        if (size < 0 || size > (small ? 4 : end - at)) {
            throw claims(at - TAG, size, end - at);
        }
        if ((type & 0xffff) == MATRIX) {
            throw new IOException("a matrix at byte " + (at - TAG) + " stands in place of flags or dimensions");
        }
        int[] numbers = new int[(int) Math.min(size / 4, 32)];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = readInt();
        }
        long used = 4L * numbers.length;
        skip(small ? 4 - used : Math.min(size - used + (8 - size % 8) % 8, end - at));
        return numbers;
    }

    // Each cell, and each field of a structure, has a tag of its own.
    private static void checkCount(int[] dimensions, long size) throws IOException {
        long count = 1;
        for (int dimension : dimensions) {
            count = dimension < 0 || count > size ? Long.MAX_VALUE : count * dimension;
        }
        if (count > Math.max(1, size / TAG)) {
            throw new IOException("a variable claims " + count + " cells or structures in " + size + " bytes");
        }
    }
}
