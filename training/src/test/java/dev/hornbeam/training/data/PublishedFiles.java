package dev.hornbeam.training.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import us.hebi.matlab.mat.format.Mat5;
import us.hebi.matlab.mat.format.Mat5File;
import us.hebi.matlab.mat.types.Cell;
import us.hebi.matlab.mat.types.MatlabType;
import us.hebi.matlab.mat.types.Matrix;
import us.hebi.matlab.mat.types.Sink;
import us.hebi.matlab.mat.types.Sinks;
import us.hebi.matlab.mat.types.Struct;

/** Small data sets in the formats of their publishers: files by their path in the data set's folder. */
final class PublishedFiles {
    static final int CIFAR_PIXELS = 3072;
    static final int STL_PIXELS = 3 * 96 * 96;

    private PublishedFiles() {}

    static void write(Path folder, Map<String, byte[]> files) {
        files.forEach((name, content) -> {
            try {
                Path file = folder.resolve(name);
                Files.createDirectories(file.getParent());
                Files.write(file, content);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    static byte[] text(String... lines) {
        return (String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] join(byte[]... pieces) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (byte[] piece : pieces) {
            bytes.writeBytes(piece);
        }
        return bytes.toByteArray();
    }

    // ------------------------------------------------------------------------------------------------------- CIFAR

    /** Two images in each of six files; image i of file f has the class (2f + i) % 10 and the random bytes of seed 2f + i. */
    static Map<String, byte[]> cifar10Binary() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        for (int f = 0; f < 6; f++) {
            byte[] content = new byte[0];
            for (int i = 2 * f; i < 2 * f + 2; i++) {
                content = join(content, new byte[] {(byte) (i % 10)}, TestImages.bytes(CIFAR_PIXELS, i));
            }
            files.put(f == 5 ? "test_batch.bin" : "data_batch_" + (f + 1) + ".bin", content);
        }
        files.put(
                "batches.meta.txt",
                text("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck", ""));
        return files;
    }

    /** The same images, as Python 2 pickled them. */
    static Map<String, byte[]> cifar10Python() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        for (int f = 0; f < 6; f++) {
            byte[] data = join(TestImages.bytes(CIFAR_PIXELS, 2L * f), TestImages.bytes(CIFAR_PIXELS, 2L * f + 1));
            files.put(
                    f == 5 ? "test_batch" : "data_batch_" + (f + 1),
                    new PickleWriter()
                            .begin()
                            .text("batch_label")
                            .text("batch " + f)
                            .text("labels")
                            .integers(2 * f % 10, (2 * f + 1) % 10)
                            .text("data")
                            .array(data, 2, CIFAR_PIXELS)
                            .text("filenames")
                            .texts("a.png", "b.png")
                            .end());
        }
        files.put(
                "batches.meta",
                new PickleWriter()
                        .begin()
                        .text("num_cases_per_batch")
                        .integer(10000)
                        .text("label_names")
                        .texts("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
                        .end());
        return files;
    }

    private static String[] numbered(String prefix, int count) {
        String[] names = new String[count];
        for (int i = 0; i < count; i++) {
            names[i] = prefix + i;
        }
        return names;
    }

    /** Two images to train on and one to test with: superclasses 3, 4, 5 and classes 30, 40, 50. */
    static Map<String, byte[]> cifar100Binary() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put(
                "train.bin",
                join(
                        new byte[] {3, 30},
                        TestImages.bytes(CIFAR_PIXELS, 0),
                        new byte[] {4, 40},
                        TestImages.bytes(CIFAR_PIXELS, 1)));
        files.put("test.bin", join(new byte[] {5, 50}, TestImages.bytes(CIFAR_PIXELS, 2)));
        files.put("fine_label_names.txt", text(numbered("fine", 100)));
        files.put("coarse_label_names.txt", text(numbered("coarse", 20)));
        return files;
    }

    static Map<String, byte[]> cifar100Python() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        byte[] two = join(TestImages.bytes(CIFAR_PIXELS, 0), TestImages.bytes(CIFAR_PIXELS, 1));
        files.put("train", pickle100(two, new int[] {30, 40}, new int[] {3, 4}));
        files.put("test", pickle100(TestImages.bytes(CIFAR_PIXELS, 2), new int[] {50}, new int[] {5}));
        files.put(
                "meta",
                new PickleWriter()
                        .begin()
                        .text("fine_label_names")
                        .texts(numbered("fine", 100))
                        .text("coarse_label_names")
                        .texts(numbered("coarse", 20))
                        .end());
        return files;
    }

    private static byte[] pickle100(byte[] data, int[] fine, int[] coarse) {
        return new PickleWriter()
                .begin()
                .text("data")
                .array(data, fine.length, CIFAR_PIXELS)
                .text("coarse_labels")
                .integers(coarse)
                .text("fine_labels")
                .integers(fine)
                .end();
    }

    /** Writes pickles of protocol 2 with the opcodes that Python 2's cPickle used for CIFAR. */
    private static final class PickleWriter {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        private PickleWriter raw(String latin1) {
            out.writeBytes(latin1.getBytes(StandardCharsets.ISO_8859_1));
            return this;
        }

        PickleWriter begin() {
            return raw("\u0080\u0002}q\u0001(");
        }

        byte[] end() {
            raw("u.");
            return out.toByteArray();
        }

        PickleWriter text(String text) {
            return raw("U" + (char) text.length() + text);
        }

        PickleWriter integer(int value) {
            out.write('J');
            out.writeBytes(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(value)
                    .array());
            return this;
        }

        PickleWriter integers(int... values) {
            raw("](");
            for (int value : values) {
                raw("K" + (char) value);
            }
            return raw("e");
        }

        PickleWriter texts(String... texts) {
            raw("](");
            for (String text : texts) {
                text(text);
            }
            return raw("e");
        }

        PickleWriter array(byte[] data, int rows, int columns) {
            raw("cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\u0000\u0085U\u0001b\u0087R(K\u0001");
            integer(rows);
            integer(columns);
            raw("\u0086cnumpy\ndtype\nU\u0002u1K\u0000K\u0001\u0087R(K\u0003U\u0001|NNNJ\u00ff\u00ff\u00ff\u00ff");
            raw("J\u00ff\u00ff\u00ff\u00ffK\u0000tb\u0089T");
            out.writeBytes(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(data.length)
                    .array());
            out.writeBytes(data);
            return raw("tb");
        }
    }

    // ------------------------------------------------------------------------------------------------- other binaries

    /** Labels 1, 10, 5 to train on; 2 to test with; images of random bytes in MATLAB's order. */
    static Map<String, byte[]> svhn(boolean compressed) {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("train_32x32.mat", svhn(3, new int[] {1, 10, 5}, compressed));
        files.put("test_32x32.mat", svhn(1, new int[] {2}, compressed));
        files.put("extra_32x32.mat", svhn(2, new int[] {10, 9}, compressed));
        return files;
    }

    private static byte[] svhn(int count, int[] labels, boolean compressed) {
        Matrix images = Mat5.newMatrix(new int[] {32, 32, 3, count}, MatlabType.UInt8);
        byte[] bytes = TestImages.bytes(count * CIFAR_PIXELS, count);
        for (int i = 0; i < bytes.length; i++) {
            images.setByte(i, bytes[i]);
        }
        Matrix y = Mat5.newMatrix(count, 1);
        for (int i = 0; i < count; i++) {
            y.setDouble(i, labels[i]);
        }
        return mat(Mat5.newMatFile().addArray("X", images).addArray("y", y), compressed);
    }

    // In the order of bytes of the machines that MATLAB once ran on.
    private static byte[] mat(us.hebi.matlab.mat.types.MatFile file, boolean compressed) {
        return mat(file, compressed, ByteOrder.BIG_ENDIAN);
    }

    private static byte[] mat(us.hebi.matlab.mat.types.MatFile file, boolean compressed, ByteOrder order) {
        // Room enough for any of these small files.
        ByteBuffer buffer = ByteBuffer.allocate(1 << 20).order(order);
        try (Sink sink = Sinks.wrap(buffer)) {
            Mat5.newWriter(sink)
                    .setDeflateLevel(compressed ? Deflater.DEFAULT_COMPRESSION : Deflater.NO_COMPRESSION)
                    .writeMat((Mat5File) file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        byte[] bytes = new byte[buffer.position()];
        buffer.get(0, bytes);
        return bytes;
    }

    /** Labels 1, 10 to train on, 3 to test with; two folds of one image. */
    static Map<String, byte[]> stl10() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("train_X.bin", TestImages.bytes(2 * STL_PIXELS, 1));
        files.put("train_y.bin", new byte[] {1, 10});
        files.put("test_X.bin", TestImages.bytes(STL_PIXELS, 2));
        files.put("test_y.bin", new byte[] {3});
        files.put("fold_indices.txt", text("1 ", "0 1 "));
        files.put("class_names.txt", text(numbered("name", 10)));
        return files;
    }

    // --------------------------------------------------------------------------------------------------- photographs

    /** Returns a PNG of that size, as all the small photographs here are. */
    static byte[] photograph(int seed) {
        int width = 5 + seed % 3;
        return TestImages.png(TestImages.bytes(width * 6 * 3, seed), width, 6, 3);
    }

    private static void photographs(Map<String, byte[]> files, String... names) {
        for (String name : names) {
            files.put(name, photograph(files.size()));
        }
    }

    static Map<String, byte[]> tinyImageNet() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("wnids.txt", text("n02", "n01"));
        files.put("words.txt", text("n01\ttench, Tinca tinca", "n02\tgoldfish", "n03\tsomething else"));
        files.put("val/val_annotations.txt", text("val_0.JPEG\tn02\t0\t1\t2\t3", "val_1.JPEG\tn01\t0\t0\t9\t9"));
        photographs(
                files,
                "train/n01/images/n01_0.JPEG",
                "train/n02/images/n02_0.JPEG",
                "train/n02/images/n02_1.JPEG",
                "val/images/val_0.JPEG",
                "val/images/val_1.JPEG");
        return files;
    }

    static Map<String, byte[]> imageNet() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put(
                "imagenet_class_index.json",
                text(
                        "{\"0\": [\"n01440764\", \"tench\"], \"1\": [\"n02000000\", \"crane\"], \"2\": [\"n03000000\", \"crane\"]}"));
        photographs(
                files,
                "train/n01440764/b.JPEG",
                "train/n01440764/a.JPEG",
                "train/n02000000/c.JPEG",
                "train/n03000000/d.JPEG",
                "val/n02000000/e.JPEG");
        return files;
    }

    static Map<String, byte[]> imageNet30() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("imagenet30_filelist/imagenet30_distribution_0.txt", text("one_class_train/acorn/1.JPEG 0"));
        files.put(
                "imagenet30_filelist/imagenet30_val.txt",
                text("/home/somebody/data/one_class_train/airliner/2.JPEG 1", "one_class_train/acorn/0.JPEG 0"));
        photographs(
                files,
                "one_class_train/acorn/0.JPEG",
                "one_class_train/acorn/1.JPEG",
                "one_class_train/airliner/2.JPEG",
                "one_class_test/acorn/3.JPEG",
                "one_class_test/airliner/4.JPEG");
        return files;
    }

    static Map<String, byte[]> caltech256() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        photographs(
                files,
                "256_ObjectCategories/001.ak47/001_0001.jpg",
                "256_ObjectCategories/002.american-flag/002_0001.jpg",
                "256_ObjectCategories/002.american-flag/002_0002.jpg");
        return files;
    }

    static Map<String, byte[]> aircraft() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("variants.txt", text("707-320", "Cessna 172"));
        files.put("images_variant_train.txt", text("0000001 Cessna 172", "0000002 707-320"));
        files.put("images_variant_val.txt", text("0000003 707-320"));
        files.put("images_variant_test.txt", text("0000004 Cessna 172"));
        photographs(files, "images/0000001.jpg", "images/0000002.jpg", "images/0000003.jpg", "images/0000004.jpg");
        return files;
    }

    static Map<String, byte[]> birds() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("classes.txt", text("1 001.Black_footed_Albatross", "2 002.Laysan_Albatross"));
        files.put(
                "images.txt",
                text(
                        "1 001.Black_footed_Albatross/a.jpg",
                        "2 001.Black_footed_Albatross/b.jpg",
                        "3 002.Laysan_Albatross/c.jpg"));
        files.put("image_class_labels.txt", text("1 1", "2 1", "3 2"));
        files.put("train_test_split.txt", text("1 0", "2 1", "3 1"));
        photographs(
                files,
                "images/001.Black_footed_Albatross/a.jpg",
                "images/001.Black_footed_Albatross/b.jpg",
                "images/002.Laysan_Albatross/c.jpg");
        return files;
    }

    static Map<String, byte[]> cars(boolean compressed) {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put(
                "devkit/cars_meta.mat",
                mat(Mat5.newMatFile().addArray("class_names", cell("AM General Hummer", "Acura RL")), compressed));
        files.put("devkit/cars_train_annos.mat", carAnnotations(compressed, 2, 1));
        files.put("cars_test_annos_withlabels.mat", carAnnotations(compressed, 1));
        photographs(files, "cars_train/00001.jpg", "cars_train/00002.jpg", "cars_test/00001.jpg");
        return files;
    }

    private static byte[] carAnnotations(boolean compressed, int... classes) {
        Struct annotations = Mat5.newStruct(1, classes.length);
        for (int i = 0; i < classes.length; i++) {
            annotations.set("bbox_x1", i, Mat5.newScalar(1));
            annotations.set("class", i, Mat5.newScalar(classes[i]));
            annotations.set("fname", i, Mat5.newString("0000" + (i + 1) + ".jpg"));
        }
        return mat(Mat5.newMatFile().addArray("annotations", annotations), compressed);
    }

    private static Cell cell(String... texts) {
        Cell cell = Mat5.newCell(texts.length, 1);
        for (int i = 0; i < texts.length; i++) {
            cell.set(i, Mat5.newString(texts[i]));
        }
        return cell;
    }

    private static Matrix row(int... values) {
        Matrix matrix = Mat5.newMatrix(1, values.length);
        for (int i = 0; i < values.length; i++) {
            matrix.setDouble(i, values[i]);
        }
        return matrix;
    }

    static Map<String, byte[]> dogs(boolean compressed) {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put(
                "train_list.mat",
                mat(
                        Mat5.newMatFile()
                                .addArray(
                                        "file_list",
                                        cell("n02085620-Chihuahua/a.jpg", "n02085782-Japanese_spaniel/b.jpg"))
                                .addArray("labels", row(1, 2)),
                        compressed));
        files.put(
                "test_list.mat",
                mat(
                        Mat5.newMatFile()
                                .addArray("file_list", cell("n02085782-Japanese_spaniel/c.jpg"))
                                .addArray("labels", row(2)),
                        compressed));
        photographs(
                files,
                "Images/n02085620-Chihuahua/a.jpg",
                "Images/n02085782-Japanese_spaniel/b.jpg",
                "Images/n02085782-Japanese_spaniel/c.jpg");
        return files;
    }

    static Map<String, byte[]> flowers(boolean compressed) {
        return flowers(compressed, ByteOrder.BIG_ENDIAN);
    }

    static Map<String, byte[]> flowers(boolean compressed, ByteOrder order) {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("imagelabels.mat", mat(Mat5.newMatFile().addArray("labels", row(2, 1, 2, 1)), compressed, order));
        files.put(
                "setid.mat",
                mat(
                        Mat5.newMatFile()
                                .addArray("trnid", row(3, 2))
                                .addArray("valid", row(1))
                                .addArray("tstid", row(4)),
                        compressed,
                        order));
        photographs(files, "jpg/image_00001.jpg", "jpg/image_00002.jpg", "jpg/image_00003.jpg", "jpg/image_00004.jpg");
        return files;
    }

    static Map<String, byte[]> indoor() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("TrainImages.txt", text("kitchen/a.jpg", "bar/b.jpg"));
        files.put("TestImages.txt", text("kitchen/c.jpg"));
        photographs(files, "Images/kitchen/a.jpg", "Images/bar/b.jpg", "Images/kitchen/c.jpg");
        return files;
    }

    static Map<String, byte[]> classFolders() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        photographs(files, "train/b/1.png", "train/a/2.png", "val/a/3.png", "test/b/4.png", "test/b/deep/5.png");
        return files;
    }

    static Map<String, byte[]> csv() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put(
                "list.csv",
                text(
                        "Path,Label,Split,target_x,target_y",
                        "one.png,dog,train,1,2.5",
                        "\"two, or 2.png\",cat,train,-3,1e-3",
                        "one.png,cat,test,0,0"));
        photographs(files, "one.png", "two, or 2.png");
        return files;
    }

    /** An archive with two files, as tar and zip write it. */
    static byte[] archive(ArchiveKind kind) {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("set/one.txt", text("one"));
        files.put("set/below/two.bin", TestImages.bytes(700, 1));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            if (kind == ArchiveKind.ZIP) {
                try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
                    for (Map.Entry<String, byte[]> file : files.entrySet()) {
                        ZipEntry entry = new ZipEntry(file.getKey());
                        entry.setTime(0);
                        zip.putNextEntry(entry);
                        zip.write(file.getValue());
                        zip.closeEntry();
                    }
                }
                return bytes.toByteArray();
            }
            try (TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes, 512)) {
                for (Map.Entry<String, byte[]> file : files.entrySet()) {
                    TarArchiveEntry entry = new TarArchiveEntry(file.getKey());
                    entry.setModTime(0);
                    entry.setSize(file.getValue().length);
                    tar.putArchiveEntry(entry);
                    tar.write(file.getValue());
                    tar.closeArchiveEntry();
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return kind == ArchiveKind.TAR ? bytes.toByteArray() : TestImages.gzip(bytes.toByteArray());
    }
}
