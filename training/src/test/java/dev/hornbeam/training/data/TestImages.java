package dev.hornbeam.training.data;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.imageio.ImageIO;

/** Small sets of images and the files that hold them, for tests. */
public final class TestImages {
    private TestImages() {}

    /** Returns images of random bytes; the label of image i is {@code i % classes}. */
    public static ImageSet random(int count, int height, int width, int channels, int classes, long seed) {
        byte[] pixels = bytes(count * height * width * channels, seed);
        int[] labels = IntStream.range(0, count).map(i -> i % classes).toArray();
        List<String> names =
                IntStream.range(0, classes).mapToObj(Integer::toString).toList();
        return ImageSet.of("random", Split.TRAIN, height, width, channels, pixels, labels, names, List.of());
    }

    static byte[] bytes(int count, long seed) {
        Philox draw = new Philox(seed, Purpose.TEST, 0, 0, 0);
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++) {
            bytes[i] = (byte) draw.word(i);
        }
        return bytes;
    }

    /** Returns an IDX file of unsigned bytes. */
    static byte[] idx(byte[] data, int... shape) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeInt(0x0800 | shape.length);
            for (int size : shape) {
                out.writeInt(size);
            }
            out.write(data);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /** Returns a PNG file with these pixels, HWC. */
    static byte[] png(byte[] pixels, int width, int height, int channels) {
        BufferedImage image = new BufferedImage(
                width, height, channels == 1 ? BufferedImage.TYPE_BYTE_GRAY : BufferedImage.TYPE_3BYTE_BGR);
        for (int i = 0; i < pixels.length; i++) {
            image.getRaster().setSample(i / channels % width, i / channels / width, i % channels, pixels[i] & 0xff);
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            ImageIO.write(image, "png", bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    static byte[] gzip(byte[] content) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
            out.write(content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /** Writes the four IDX files of a tiny data set of 2x3 pixels, 6 to train on and 4 to test with, labels 0 to 2. */
    static void writeIdxSet(Path folder, boolean packed) throws IOException {
        Files.createDirectories(folder);
        Map<String, byte[]> files = Map.of(
                KnownDataSet.TRAIN_IMAGES, idx(bytes(36, 1), 6, 2, 3),
                KnownDataSet.TRAIN_LABELS, idx(new byte[] {0, 1, 2, 0, 1, 2}, 6),
                KnownDataSet.TEST_IMAGES, idx(bytes(24, 2), 4, 2, 3),
                KnownDataSet.TEST_LABELS, idx(new byte[] {2, 1, 0, 0}, 4));
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            byte[] content = packed ? gzip(file.getValue()) : file.getValue();
            Files.write(folder.resolve(file.getKey() + (packed ? ".gz" : "")), content);
        }
    }

    /** Returns the header of a .npy array in C order. */
    static byte[] npyHeader(String descr, long... shape) {
        String sizes = Arrays.stream(shape).mapToObj(size -> size + ",").collect(Collectors.joining(" "));
        String text = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + sizes + "), }";
        String padded = text + " ".repeat(117 - text.length()) + "\n";
        return ("\u0093NUMPY\u0001\u0000" + (char) padded.length() + "\u0000" + padded)
                .getBytes(StandardCharsets.ISO_8859_1);
    }

    /** Returns a .npy array: header and data put together. */
    static byte[] npy(byte[] header, byte[] data) {
        byte[] all = new byte[header.length + data.length];
        System.arraycopy(header, 0, all, 0, header.length);
        System.arraycopy(data, 0, all, header.length, data.length);
        return all;
    }

    static byte[] uint8Npy(byte[] data, long... shape) {
        return npy(npyHeader("|u1", shape), data);
    }

    /** Returns an .npz archive of arrays by name, with stored or deflated entries. */
    static byte[] npz(Map<String, byte[]> arrays, boolean deflated) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            for (Map.Entry<String, byte[]> array : arrays.entrySet()) {
                ZipEntry entry = new ZipEntry(array.getKey() + ".npy");
                entry.setTime(0);
                if (!deflated) {
                    CRC32 crc = new CRC32();
                    crc.update(array.getValue());
                    entry.setMethod(ZipEntry.STORED);
                    entry.setSize(array.getValue().length);
                    entry.setCrc(crc.getValue());
                }
                zip.putNextEntry(entry);
                zip.write(array.getValue());
                zip.closeEntry();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }
}
