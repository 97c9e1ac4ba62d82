package dev.hornbeam.training.corruption.build;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * An .npy file of uint8 images that is written in pieces, in any order and by any number of threads and processes.
 *
 * @param name path in the set, with slashes
 * @param shape of the array: images, height, width, channels
 */
record ArrayFile(String name, List<Integer> shape) {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    private static final int ALIGNMENT = 64;

    /** Header in version 1 of numpy's format, padded so that the elements are aligned. */
    byte[] header() {
        String sizes = shape.stream().map(String::valueOf).collect(Collectors.joining(", "));
        String text = "{'descr': '|u1', 'fortran_order': False, 'shape': (" + sizes + "), }";
        int prefix = MAGIC.length + 2;
        int length = (prefix + text.length() + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        byte[] header = new byte[length];
        Arrays.fill(header, (byte) ' ');
        System.arraycopy(MAGIC, 0, header, 0, MAGIC.length);
        header[MAGIC.length] = (byte) (length - prefix);
        header[MAGIC.length + 1] = (byte) ((length - prefix) >> 8);
        byte[] ascii = text.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(ascii, 0, header, prefix, ascii.length);
        header[length - 1] = '\n';
        return header;
    }

    long imageLength() {
        return (long) shape.get(1) * shape.get(2) * shape.get(3);
    }

    /** Place of an image in the file. */
    long offset(int image) {
        return header().length + image * imageLength();
    }

    long bytes() {
        return offset(shape.getFirst());
    }

    /** Makes a file of the full size that has the header; one that is there already keeps its content. */
    void create(Path file) throws IOException {
        Files.createDirectories(file.getParent());
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.READ)) {
            if (channel.size() != bytes()) {
                channel.truncate(0);
                // The last byte, so that the file has its size; what is between takes no room until it is written.
                writeAll(channel, ByteBuffer.wrap(new byte[1]), bytes() - 1);
            }
            writeAll(channel, ByteBuffer.wrap(header()), 0);
        }
    }

    /** Writes images and waits until they are on the disk. */
    void write(Path file, byte[] images, int firstImage) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            writeAll(channel, ByteBuffer.wrap(images), offset(firstImage));
            channel.force(false);
        }
    }

    private static void writeAll(FileChannel channel, ByteBuffer bytes, long at) throws IOException {
        for (long place = at; bytes.hasRemaining(); ) {
            place += channel.write(bytes, place);
        }
    }
}
