package dev.hornbeam.training.data;

import dev.hornbeam.training.NearestNames;
import dev.hornbeam.training.UserError;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Finds and reads data sets: published ones by name, others by file.
 *
 * <p>A name is looked for in these folders, in this order: the one given (the command line's {@code --data}), the one
 * in the environment variable HORNBEAM_DATA, {@code hornbeam/data} in the user's data folder (XDG_DATA_HOME, usually
 * {@code ~/.local/share}), and the folder of Debian's package. In each, the four IDX files may lie in a folder
 * of the data set's name, in the folder that torchvision makes, or directly; plain or gzip-compressed. Nothing is ever
 * downloaded here: see {@link DataSetFetcher}.
 *
 * <p>Besides a name, {@link #load(String)} takes a folder with four IDX files of the usual names, and an .npz archive.
 */
public final class DataSetCatalog {
    private final Map<String, KnownDataSet> known;
    private final List<Path> folders;

    private DataSetCatalog(Map<String, KnownDataSet> known, List<Path> folders) {
        this.known = known;
        this.folders = List.copyOf(folders);
    }

    /**
     * Returns the catalog for a folder given by the user and an environment.
     *
     * @param dataFolder folder to look in first, or null
     * @param environment the environment variables, {@code System.getenv()}
     */
    public static DataSetCatalog of(Path dataFolder, Map<String, String> environment) {
        List<Path> folders = new ArrayList<>();
        if (dataFolder != null) {
            folders.add(dataFolder);
        }
        String variable = environment.get("HORNBEAM_DATA");
        if (variable != null && !variable.isBlank()) {
            folders.add(Path.of(variable));
        }
        String shared = environment.get("XDG_DATA_HOME");
        String home = environment.get("HOME");
        if (shared != null && !shared.isBlank()) {
            folders.add(Path.of(shared, "hornbeam", "data"));
        } else if (home != null && !home.isBlank()) {
            folders.add(Path.of(home, ".local", "share", "hornbeam", "data"));
        }
        return new DataSetCatalog(KnownDataSet.all(), folders);
    }

    /** Returns a catalog with other data sets, for tests. */
    DataSetCatalog withKnown(Map<String, KnownDataSet> others) {
        return new DataSetCatalog(others, folders);
    }

    /** Returns the names of the published data sets. */
    public List<String> names() {
        return List.copyOf(known.keySet());
    }

    /** Returns one line about a published data set. */
    public String title(String name) {
        return known(name).title();
    }

    KnownDataSet known(String name) {
        KnownDataSet set = known.get(name.toLowerCase(Locale.ROOT));
        if (set == null) {
            throw new UserError("unknown data set '" + name + "'; known: " + String.join(", ", known.keySet())
                    + NearestNames.didYouMean(name, known.keySet()));
        }
        return set;
    }

    /** Returns the folder that downloads go to: the first one that is looked in. */
    Path downloadFolder(KnownDataSet set) {
        if (folders.isEmpty()) {
            throw new UserError("no folder to put " + set.name() + " in: name one with --data FOLDER");
        }
        return folders.getFirst().resolve(set.name());
    }

    /** Returns the folder that holds the files of a published data set, if one of the usual ones does. */
    public Optional<Path> find(String name) {
        KnownDataSet set = known(name);
        return candidates(set).stream()
                .filter(folder -> format(set, folder).isPresent())
                .findFirst();
    }

    private static Optional<DataSetFormat> format(KnownDataSet set, Path folder) {
        return set.formats().stream().filter(format -> format.isIn(folder)).findFirst();
    }

    private List<Path> candidates(KnownDataSet set) {
        List<Path> candidates = new ArrayList<>();
        for (Path folder : folders) {
            set.folders().forEach(below -> candidates.add(folder.resolve(below)));
            candidates.add(folder);
        }
        set.packageFolder().ifPresent(candidates::add);
        return candidates;
    }

    /** Returns lines that say which files a published data set has, where they may lie and who has them. */
    public List<String> instructions(String name) {
        KnownDataSet set = known(name);
        List<String> lines = new ArrayList<>();
        lines.add(set.title());
        if (!set.isIdx()) {
            lines.add("Files: " + String.join(", ", set.formats().getFirst().files()));
            lines.add("All in one of these folders:");
            candidates(set).forEach(folder -> lines.add("  " + folder));
            lines.add(set.manual());
            return lines;
        }
        lines.add("Files, as they are or with .gz, and the SHA-256 of their decompressed content:");
        set.checksums().forEach((file, sha256) -> lines.add("  " + file + "  " + sha256));
        lines.add("All four in one of these folders:");
        candidates(set).forEach(folder -> lines.add("  " + folder));
        lines.add("The publisher has them at " + set.urls().getFirst());
        set.debianPackage().ifPresent(debian -> lines.add("On Debian and Ubuntu: apt-get install " + debian));
        return lines;
    }

    private UserError notHere(KnownDataSet set) {
        String looked = candidates(set).stream().map(Path::toString).collect(Collectors.joining(", "));
        String files = set.isIdx()
                ? KnownDataSet.TRAIN_IMAGES + "[.gz] and the other three files"
                : String.join(", ", set.formats().getFirst().files());
        String how = set.isIdx() || !set.downloads().isEmpty()
                ? "fetch it with 'hornbeam data fetch " + set.name() + "'"
                : set.manual();
        return new UserError("data set " + set.name() + " is not here; " + how
                + " or name its folder with --data FOLDER (looked for " + files + " in " + looked + ")");
    }

    /**
     * Reads a data set, with the test images of another one if {@code test} is given.
     *
     * @param name a published data set's name, a folder in the format of one or with a folder of images for each class, an .npz
     *     file, or a CSV file of paths and labels
     * @param test the same; its test part is taken, or the arrays images and labels of an .npz. null for the data set's
     *     own test part
     * @throws UserError if it is not found or something in its files is wrong
     */
    public DataSet load(String name, String test) {
        if (test == null) {
            return load(name);
        }
        ImageSet train = trainOf(name);
        if (isPublished(test) || Files.isDirectory(Path.of(test)) || CsvImages.isNamed(test)) {
            return new DataSet(name, train, load(test).test());
        }
        NpzFile archive = archive(test);
        NpzFile.Part part = archive.read(Split.TEST, true)
                .orElseThrow(() -> new UserError(test + ": no test images in it; expected the arrays test_images and"
                        + " test_labels, x_test and y_test, or images and labels. " + archive.contents()));
        List<String> classNames = train != null ? train.classNames() : numbered(part.largestLabel() + 1);
        return new DataSet(name, train, images(test, Split.TEST, part, classNames, archive));
    }

    private ImageSet trainOf(String name) {
        DataSet set = load(name);
        return set.hasTrain() ? set.train() : null;
    }

    private boolean isPublished(String name) {
        return known.containsKey(name.toLowerCase(Locale.ROOT));
    }

    /** Reads a data set by its name, folder, .npz or .csv file; see {@link #load(String, String)}. */
    public DataSet load(String name) {
        if (isPublished(name)) {
            KnownDataSet set = known(name);
            Path folder = find(set.name()).orElseThrow(() -> notHere(set));
            return open(
                    set.name(), folder, set.classNames(), format(set, folder).orElseThrow());
        }
        Path path = path(name);
        if (Files.isDirectory(path)) {
            return DataSetFormat.ofFolders().stream()
                    .filter(format -> format.isIn(path))
                    .findFirst()
                    .map(format -> open(name, path, List.of(), format))
                    .orElseThrow(
                            () -> new UserError(
                                    path + ": holds no data set of a known format; expected the files of a"
                                            + " published one (" + KnownDataSet.TRAIN_LABELS
                                            + " and so on), or a folder of images for each class, in folders named train and test or not"));
        }
        if (CsvImages.isNamed(name)) {
            return CsvImages.read(name, path);
        }
        return npz(name, archive(name));
    }

    private static Path path(String name) {
        try {
            return Path.of(name);
        } catch (InvalidPathException e) {
            throw new UserError("data set '" + name.replaceAll("\\p{Cc}", "?") + "': no such name or path", e);
        }
    }

    private DataSet open(String name, Path folder, List<String> classNames, DataSetFormat format) {
        DataSet set = format.open(new DataSetFormat.Request(name, folder, classNames))
                .with(part -> part.withSources(part.sources().stream()
                        .map(source -> recognised(name, source))
                        .toList()));
        if (format instanceof IdxFormat) {
            // All is in memory already; files of another set are refused at once.
            set.parts().forEach(set::part);
        }
        return set;
    }

    private NpzFile archive(String name) {
        Path path = Path.of(name);
        if (Files.isRegularFile(path)) {
            return new NpzFile(path);
        }
        throw new UserError(
                name.endsWith(".npz") || name.indexOf('/') >= 0
                        ? path + ": no such file"
                        : "unknown data set '" + name + "': there is no file or folder of that name; known data sets: "
                                + String.join(", ", known.keySet())
                                + NearestNames.didYouMean(name, known.keySet()));
    }

    private static DataSet npz(String name, NpzFile archive) {
        NpzFile.Part train = archive.read(Split.TRAIN, true).orElse(null);
        NpzFile.Part test = archive.read(Split.TEST, false).orElse(null);
        if (train == null && test == null) {
            throw new UserError(archive.path() + ": no images found; expected the arrays images and labels,"
                    + " train_images and train_labels, or x_train and y_train. " + archive.contents());
        }
        List<String> classNames = numbered((train != null ? train : test).largestLabel() + 1);
        return new DataSet(
                name,
                train == null ? null : images(name, Split.TRAIN, train, classNames, archive),
                test == null ? null : images(name, Split.TEST, test, classNames, archive));
    }

    private static ImageSet images(
            String name, Split split, NpzFile.Part part, List<String> classNames, NpzFile archive) {
        int[] labels = part.labels();
        for (int i = 0; i < labels.length; i++) {
            if (labels[i] >= classNames.size()) {
                throw new UserError(archive.path() + ": array \"" + part.labelsName() + "\": label " + labels[i]
                        + " of image " + i + " is outside 0.." + (classNames.size() - 1) + ", the classes of the"
                        + " training part");
            }
        }
        return ImageSet.of(
                name,
                split,
                part.height(),
                part.width(),
                part.channels(),
                part.pixels(),
                labels,
                classNames,
                List.of(new SourceFile(archive.path(), archive.sha256(), false)));
    }

    static List<String> numbered(int classes) {
        return IntStream.range(0, classes).mapToObj(Integer::toString).toList();
    }

    private SourceFile recognised(String name, SourceFile file) {
        boolean published = false;
        for (KnownDataSet set : known.values()) {
            if (set.checksums().containsValue(file.sha256())) {
                if (known.containsKey(name) && !set.name().equals(name)) {
                    throw new UserError(file.path() + ": is a file of " + set.name() + ", not of " + name
                            + ". Put each data set into a folder of its name.");
                }
                published = true;
            }
            published |= set.downloads().stream()
                    .anyMatch(download -> download.sha256().equals(Optional.of(file.sha256())));
        }
        return new SourceFile(file.path(), file.sha256(), published);
    }

    /** How a file of a published data set compares with what was published. */
    public enum FileState {
        /** The content is the published one. */
        GENUINE,
        /** It can be read, but its content is not the published one. */
        DIFFERENT,
        /** It is damaged or cannot be read. */
        UNREADABLE,
        /** It is not there. */
        MISSING
    }

    /**
     * The result of checking one file.
     *
     * @param name the file's name as published, without .gz
     * @param path where it is, or the folder that it should be in
     * @param state how it compares
     * @param detail the checksum found, or what is wrong
     */
    public record FileCheck(String name, Path path, FileState state, String detail) {}

    /**
     * Compares the files of a published data set with what was published: IDX files with their checksums, other sets by reading
     * their parts and counting the images.
     *
     * @return one entry for each IDX file, or for each part
     * @throws UserError if no folder holds any of the files
     */
    public List<FileCheck> verify(String name) {
        KnownDataSet set = known(name);
        if (!set.isIdx()) {
            DataSet found = load(set.name());
            Path folder = find(set.name()).orElseThrow();
            return set.counts().entrySet().stream()
                    .map(part -> check(found, folder, part.getKey(), part.getValue()))
                    .toList();
        }
        Path folder = find(set.name())
                .or(() -> candidates(set).stream()
                        .filter(candidate -> KnownDataSet.FILES.stream()
                                .anyMatch(
                                        file -> IdxFormat.file(candidate, file).isPresent()))
                        .findFirst())
                .orElseThrow(() -> notHere(set));
        return KnownDataSet.FILES.stream().map(file -> check(set, folder, file)).toList();
    }

    private static FileCheck check(DataSet set, Path folder, String part, int expected) {
        if (!set.parts().contains(part)) {
            return new FileCheck(part, folder, FileState.MISSING, part + " is not in this folder");
        }
        try {
            ImageSet images = set.part(part);
            boolean genuine = images.size() == expected;
            return new FileCheck(
                    part,
                    folder,
                    genuine ? FileState.GENUINE : FileState.DIFFERENT,
                    part + ": " + images.size() + " images" + (genuine ? "" : ", published were " + expected));
        } catch (UserError e) {
            return new FileCheck(part, folder, FileState.UNREADABLE, e.getMessage());
        }
    }

    private static FileCheck check(KnownDataSet set, Path folder, String name) {
        Optional<Path> path = IdxFormat.file(folder, name);
        if (path.isEmpty()) {
            return new FileCheck(name, folder, FileState.MISSING, "not in this folder");
        }
        try {
            String sha256 =
                    IdxFile.read(path.get(), name.contains("images") ? 3 : 1).sha256();
            boolean genuine = sha256.equals(set.checksums().get(name));
            return new FileCheck(
                    name,
                    path.get(),
                    genuine ? FileState.GENUINE : FileState.DIFFERENT,
                    genuine ? sha256 : "expected " + set.checksums().get(name) + ", found " + sha256);
        } catch (UserError e) {
            return new FileCheck(name, path.get(), FileState.UNREADABLE, e.getMessage());
        }
    }
}
