package dev.hornbeam.training.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
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
 * @param checksums SHA-256 of the four decompressed IDX files, by file name
 */
record KnownDataSet(
        String name,
        String title,
        List<String> classNames,
        List<String> folders,
        Optional<String> debianPackage,
        Optional<Path> packageFolder,
        List<URI> urls,
        Map<String, String> checksums) {
    static final List<String> NAMES = List.of("fashion-mnist", "mnist");

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
        Map<String, String> checksums = new LinkedHashMap<>();
        for (String file : FILES) {
            checksums.put(file, properties.getProperty(file));
        }
        return new KnownDataSet(
                name,
                properties.getProperty("title"),
                list(properties, "classes"),
                list(properties, "folders"),
                Optional.ofNullable(properties.getProperty("package")),
                Optional.ofNullable(properties.getProperty("package-folder")).map(Path::of),
                list(properties, "urls").stream().map(URI::create).toList(),
                checksums);
    }

    private static List<String> list(Properties properties, String key) {
        return Arrays.stream(properties.getProperty(key).split(",", -1))
                .map(String::strip)
                .toList();
    }
}
