package dev.hornbeam.training.data;

import dev.hornbeam.training.UserError;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * An IDX file of unsigned bytes, the format of MNIST and its successors.
 *
 * <p>Format: two zero bytes, the element type (0x08, unsigned byte, is the only one read here), the number of
 * dimensions, each dimension as a big-endian 32-bit number, the elements. The file may be gzip-compressed; that is
 * seen from its first bytes and not from its name.
 */
final class IdxFile {
    private static final int UNSIGNED_BYTE = 0x08;
    // Deflate shrinks by at most 1032 to 1, so a larger claim can be refused before memory is taken for it.
    private static final long LARGEST_RATIO = 1032;

    private final Path path;
    private final int[] shape;
    private final byte[] data;
    private final String sha256;

    private IdxFile(Path path, int[] shape, byte[] data, String sha256) {
        this.path = path;
        this.shape = shape;
        this.data = data;
        this.sha256 = sha256;
    }

    /**
     * Reads the file at {@code path}.
     *
     * @param dimensions number of dimensions that it must have
     * @throws UserError naming the file, what was expected and what was found, if it is missing, unreadable, of
     *     another format or type, shorter or longer than its header says
     */
    static IdxFile read(Path path, int dimensions) {
        try {
            boolean packed = isGzip(path);
            try (InputStream file = Files.newInputStream(path);
                    InputStream content =
                            packed ? new GZIPInputStream(file, 1 << 16) : new BufferedInputStream(file, 1 << 16)) {
                return new Content(path, content, dimensions).read(Files.size(path) * (packed ? LARGEST_RATIO : 1));
            }
        } catch (NoSuchFileException e) {
            throw new UserError(path + ": no such file", e);
        } catch (IOException e) {
            throw UserError.cannotRead(path, e);
        }
    }

    private static boolean isGzip(Path path) throws IOException {
        try (InputStream start = Files.newInputStream(path)) {
            byte[] two = start.readNBytes(2);
            return two.length == 2 && (two[0] & 0xff) == 0x1f && (two[1] & 0xff) == 0x8b;
        }
    }

    Path path() {
        return path;
    }

    int dimension(int axis) {
        return shape[axis];
    }

    /** Returns the elements, unsigned, last dimension fastest. Not a copy. */
    byte[] data() {
        return data;
    }

    /** Returns the SHA-256 of the decompressed file in lower-case hexadecimal. */
    String sha256() {
        return sha256;
    }

    /** The decompressed bytes of one file while they are read: counted, hashed, checked. */
    private static final class Content {
        private final Path path;
        private final InputStream in;
        private final int dimensions;
        private final MessageDigest digest = ImageSet.sha256();
        private long found;

        Content(Path path, InputStream in, int dimensions) {
            this.path = path;
            this.in = in;
            this.dimensions = dimensions;
        }

        IdxFile read(long largest) throws IOException {
            byte[] magic = new byte[4];
            int got = fill(magic);
            if (got < 4 || magic[0] != 0 || magic[1] != 0) {
                throw new UserError(path + ": not an IDX file: expected the bytes 00 00 08 0" + dimensions
                        + " at its start, found "
                        + (got == 0 ? "nothing" : HexFormat.ofDelimiter(" ").formatHex(magic, 0, got)));
            }
            if (magic[2] != UNSIGNED_BYTE) {
                throw new UserError(path + ": expected IDX elements of type 0x08 (unsigned byte), found 0x"
                        + HexFormat.of().toHexDigits(magic[2]));
            }
            if (magic[3] != dimensions) {
                throw new UserError(path + ": expected an IDX array of " + dimensions
                        + (dimensions == 3
                                ? " dimensions (images: count, height, width)"
                                : " dimension (labels: count)")
                        + ", found " + (magic[3] & 0xff));
            }
            byte[] sizes = new byte[4 * dimensions];
            if (fill(sizes) < sizes.length) {
                throw truncated(4 + sizes.length, "header");
            }
            int[] shape = new int[dimensions];
            ByteBuffer.wrap(sizes).asIntBuffer().get(shape);
            long elements = elements(shape);
            long expected = 4 + sizes.length + elements;
            if (expected > largest) {
                skipRest();
                throw truncated(expected, describe(shape));
            }
            byte[] data = new byte[(int) elements];
            if (fill(data) < data.length) {
                throw truncated(expected, describe(shape));
            }
            skipRest();
            if (found > expected) {
                throw new UserError(path + ": too long: expected " + expected + " bytes (" + describe(shape)
                        + " after a header of " + (4 + sizes.length) + "), found " + found
                        + ". Fetch the file again.");
            }
            return new IdxFile(path, shape, data, HexFormat.of().formatHex(digest.digest()));
        }

        private long elements(int[] shape) {
            long elements = 1;
            for (int size : shape) {
                // A negative number is one of 2^31 or more, which Java cannot hold in an array.
                elements = size < 0 || elements > Integer.MAX_VALUE ? Long.MAX_VALUE : elements * size;
            }
            if (elements > Integer.MAX_VALUE - 16) {
                throw new UserError(path + ": the header says " + describe(shape)
                        + ", which is more than the 2 GiB that an IDX file may hold here. It is probably damaged.");
            }
            return elements;
        }

        private static String describe(int[] shape) {
            return Arrays.stream(shape).mapToObj(Integer::toUnsignedString).collect(Collectors.joining("x"))
                    + (shape.length == 3 ? " pixels" : " labels");
        }

        private UserError truncated(long expected, String what) {
            return new UserError(path + ": truncated: expected " + expected + " bytes (" + what + "), found " + found
                    + ". Fetch the file again.");
        }

        // Fills the array as far as there is content and returns how far.
        private int fill(byte[] into) throws IOException {
            int filled = 0;
            try {
                while (filled < into.length) {
                    int count = in.read(into, filled, into.length - filled);
                    if (count < 0) {
                        break;
                    }
                    digest.update(into, filled, count);
                    filled += count;
                    found += count;
                }
            } catch (EOFException e) {
                throw new UserError(
                        path + ": truncated: the gzip data breaks off after " + found + " decompressed bytes."
                                + " Fetch the file again.",
                        e);
            } catch (ZipException e) {
                throw new UserError(
                        path + ": damaged: the gzip data is wrong after " + found + " decompressed bytes ("
                                + e.getMessage() + "). Fetch the file again.",
                        e);
            }
            return filled;
        }

        private void skipRest() throws IOException {
            byte[] chunk = new byte[1 << 16];
            int count = chunk.length;
            while (count == chunk.length) {
                count = fill(chunk);
            }
        }
    }
}
