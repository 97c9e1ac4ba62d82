package dev.hornbeam.training.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;

/**
 * A published data set that can be asked for by name: where it may lie, who has it and how its files are recognised.
 *
 * <p>Each is described by the resource {@code NAME.properties} beside this class. To add one, add such a file and its
 * name to {@link #NAMES}.
 *
 * @param name what the user types
 * @param title one line for lists
 * @param classNames names of the classes
 * @param folders where its files may lie below a data folder, besides the folder itself
 * @param debianPackage Debian's package of it, if there is one
 * @param packageFolder the folder that this package installs its files to
 * @param urls addresses of the publisher, the first one tried first; a file's name is appended
 * @param checksums SHA-256 of the four decompressed IDX files, by file name; empty for other formats
 * @param format name of its {@link DataSetFormat}
 * @param counts images in each part, as published
 * @param downloads what the publisher offers, apart from IDX files; empty where it cannot be fetched by a program
 * @param manual what a person has to do to get it
 */
record KnownDataSet(
        String name,
        String title,
        List<String> classNames,
        List<String> folders,
        Optional<String> debianPackage,
        Optional<Path> packageFolder,
        List<URI> urls,
        Map<String, String> checksums,
        String format,
        Map<String, Integer> counts,
        List<Download> downloads,
        String manual) {
    static final List<String> NAMES = List.of(
            "fashion-mnist",
            "mnist",
            "cifar-10",
            "cifar-100",
            "cifar-100-coarse",
            "svhn",
            "stl-10",
            "tiny-imagenet",
            "imagenet",
            "imagenet-30",
            "caltech-256",
            "cub-200-2011",
            "fgvc-aircraft",
            "flowers-102",
            "mit-indoor-67",
            "stanford-cars",
            "stanford-dogs");

    private static final String IDX = "idx";

    /**
     * A file of the publisher's.
     *
     * @param address where it is
     * @param sha256 its checksum in lower-case hexadecimal; empty where none is known
     */
    record Download(URI address, Optional<String> sha256) {
        /** Returns the name of the file. */
        String file() {
            String path = address.getPath();
            return path.substring(path.lastIndexOf('/') + 1);
        }

        /** Tells whether it is an archive to be unpacked. */
        boolean isArchive() {
            return ArchiveKind.of(file()).isPresent();
        }
    }

    /** Describes a data set of four IDX files. */
    KnownDataSet(
            String name,
            String title,
            List<String> classNames,
            List<String> folders,
            Optional<String> debianPackage,
            Optional<Path> packageFolder,
            List<URI> urls,
            Map<String, String> checksums) {
        this(
                name,
                title,
                classNames,
                folders,
                debianPackage,
                packageFolder,
                urls,
                checksums,
                IDX,
                Map.of(),
                List.of(),
                "");
    }

    /** Tells whether it is four IDX files. */
    boolean isIdx() {
        return format.equals(IDX);
    }

    /** Returns the formats that its files may have, the preferred one first. */
    List<DataSetFormat> formats() {
        return DataSetFormat.named(format);
    }

    static final String TRAIN_IMAGES = "train-images-idx3-ubyte";
    static final String TRAIN_LABELS = "train-labels-idx1-ubyte";
    static final String TEST_IMAGES = "t10k-images-idx3-ubyte";
    static final String TEST_LABELS = "t10k-labels-idx1-ubyte";
    static final List<String> FILES = List.of(TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS);

    /** Returns all of them, in the order of {@link #NAMES}. */
    static Map<String, KnownDataSet> all() {
        Map<String, KnownDataSet> sets = new LinkedHashMap<>();
        for (String name : NAMES) {
            sets.put(name, read(name));
        }
        return sets;
    }

    private static KnownDataSet read(String name) {
        Properties properties = new Properties();
        try (InputStream in = KnownDataSet.class.getResourceAsStream(name + ".properties")) {
            properties.load(new InputStreamReader(in, StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String format = properties.getProperty("format", IDX);
        Map<String, String> checksums = new LinkedHashMap<>();
        if (format.equals(IDX)) {
            for (String file : FILES) {
                checksums.put(file, properties.getProperty(file));
            }
        }
        Map<String, Integer> counts = new LinkedHashMap<>();
        for (String count : list(properties, "counts")) {
            String[] pair = count.split(" ", 2);
            counts.put(pair[0], Integer.valueOf(pair[1]));
        }
        List<Download> downloads = new ArrayList<>();
        for (String download : list(properties, "downloads")) {
            String[] pair = download.split("\\s+", 2);
            downloads.add(
                    new Download(URI.create(pair[0]), pair.length == 2 ? Optional.of(pair[1]) : Optional.empty()));
        }
        return new KnownDataSet(
                name,
                properties.getProperty("title"),
                list(properties, "classes"),
                list(properties, "folders"),
                Optional.ofNullable(properties.getProperty("package")),
                Optional.ofNullable(properties.getProperty("package-folder")).map(Path::of),
                list(properties, "urls").stream().map(URI::create).toList(),
                checksums,
                format,
                counts,
                downloads,
                properties.getProperty("manual", ""));
    }

    private static List<String> list(Properties properties, String key) {
        String text = properties.getProperty(key, "").strip();
        return text.isEmpty()
                ? List.of()
                : Arrays.stream(text.split(",", -1)).map(String::strip).toList();
    }
}
