package dev.hornbeam.training.corruption.build;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.DataSet;
import dev.hornbeam.training.data.DataSetCatalog;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.SourceFile;
import dev.hornbeam.training.data.Split;
import dev.hornbeam.training.image.Background;
import dev.hornbeam.training.image.ImageDecoder;
import dev.hornbeam.training.image.ImageFiles;
import dev.hornbeam.training.image.PixelImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The clean images that a set of corrupted ones is made of, in a fixed order. */
public abstract sealed class CleanImages {
    private CleanImages() {}

    /**
     * One clean image.
     *
     * @param pixels of it
     * @param index keys its random draws
     * @param sha256 of the file that it was read from, or empty where it was not read from a file of its own
     */
    record CleanImage(PixelImage pixels, int index, String sha256) {}

    /**
     * Where clean images are: what a worker on another machine needs to open them.
     *
     * @param folder of image files, or one such file; empty for a data set
     * @param name of the data set as {@link DataSetCatalog#load} takes it, or empty for a folder
     * @param split which part of the data set
     * @param dataFolder where data sets are looked for first, or empty
     * @param limit only so many images are taken, 0 for all
     * @param fitting what is done to the images of a folder before they are corrupted
     */
    public record Location(
            Optional<Path> folder,
            Optional<String> name,
            Split split,
            Optional<Path> dataFolder,
            int limit,
            Fitting fitting) {
        /** The image files in a folder and the folders below it. */
        public static Location ofFolder(Path folder, int limit, Fitting fitting) {
            return new Location(
                    Optional.of(folder.toAbsolutePath().normalize()),
                    Optional.empty(),
                    Split.TEST,
                    Optional.empty(),
                    limit,
                    fitting);
        }

        /** One image file. */
        public static Location ofFile(Path file, Fitting fitting) {
            return ofFolder(file, 0, fitting);
        }

        /** A part of a data set. */
        public static Location ofDataSet(String name, Split split, Path dataFolder, int limit) {
            return new Location(
                    Optional.empty(),
                    Optional.of(name),
                    split,
                    Optional.ofNullable(dataFolder).map(Path::toAbsolutePath),
                    limit,
                    Fitting.NONE);
        }

        ObjectNode toJson() {
            ObjectNode json = JsonNodeFactory.instance.objectNode();
            folder.ifPresent(path -> json.put("folder", path.toString()));
            name.ifPresent(text -> json.put("name", text).put("split", split.name()));
            dataFolder.ifPresent(path -> json.put("data", path.toString()));
            return json.put("limit", limit).put("fitting", fitting.toString());
        }

        static Location fromJson(ObjectNode json) {
            return new Location(
                    text(json, "folder").map(Path::of),
                    text(json, "name"),
                    Split.valueOf(text(json, "split").orElse(Split.TEST.name())),
                    text(json, "data").map(Path::of),
                    json.get("limit").intValue(),
                    Fitting.parse(json.get("fitting").textValue()));
        }

        private static Optional<String> text(ObjectNode json, String field) {
            return json.has(field) ? Optional.of(json.get(field).textValue()) : Optional.empty();
        }
    }

    /**
     * Finds the images; those of a folder are listed and not read.
     *
     * @throws UserError if there are none, or a data set cannot be read
     */
    static CleanImages open(Location location) {
        return location.folder().isPresent()
                ? new OfFolder(location.folder().get(), location)
                : new OfDataSet(set(location), location.name().orElseThrow());
    }

    private static ImageSet set(Location location) {
        DataSet data = DataSetCatalog.of(location.dataFolder().orElse(null), System.getenv())
                .load(location.name().orElseThrow());
        ImageSet set = location.split() == Split.TRAIN ? data.train() : data.test();
        return location.limit() > 0 ? set.first(location.limit()) : set;
    }

    /** Number of images. */
    abstract int size();

    /** What they are, in a few words. */
    abstract String description();

    /** A SHA-256 that changes with the images: of their content for a data set, of names and sizes for files. */
    abstract String fingerprint();

    /** Reads one of them. */
    abstract CleanImage read(int position);

    /** Images of one size and their labels, held in memory. */
    static final class OfDataSet extends CleanImages {
        private final ImageSet set;
        private final String name;

        OfDataSet(ImageSet set, String name) {
            if (set.channels() != 1 && set.channels() != 3) {
                throw new UserError(
                        name + ": corruptions need images of 1 or 3 channels, these have " + set.channels());
            }
            this.set = set;
            this.name = name;
        }

        ImageSet set() {
            return set;
        }

        List<SourceFile> sources() {
            return set.sources();
        }

        @Override
        int size() {
            return set.size();
        }

        @Override
        String description() {
            return name + " " + set.split() + ", " + set.size() + " images of " + set.height() + "x" + set.width() + "x"
                    + set.channels();
        }

        @Override
        String fingerprint() {
            return set.checksum();
        }

        @Override
        CleanImage read(int position) {
            return new CleanImage(
                    new PixelImage(set.width(), set.height(), set.channels(), set.image(position)),
                    set.originalIndex(position),
                    "");
        }
    }

    /** Image files in a folder and those below it, in the order of their relative paths. */
    static final class OfFolder extends CleanImages {
        private final Path folder;
        private final List<Path> files;
        private final Fitting fitting;
        private final ImageDecoder decoder = new ImageDecoder(Background.WHITE);

        OfFolder(Path folder, Location location) {
            this.folder = folder;
            this.fitting = location.fitting();
            List<Path> all = Files.isRegularFile(folder) ? List.of(folder) : ImageFiles.list(folder, true);
            this.files = location.limit() > 0 && location.limit() < all.size()
                    ? List.copyOf(all.subList(0, location.limit()))
                    : List.copyOf(all);
        }

        /** Path of a file relative to the folder, with slashes. */
        String name(int position) {
            return ImageFiles.name(folder, files.get(position));
        }

        /**
         * The names that corrupted images get: those of the clean files with the encoding's extension. Where two files
         * would get the same, the later one keeps its own extension before the new one.
         */
        List<String> names(ImageEncoding encoding) {
            Set<String> taken = new HashSet<>();
            String[] names = new String[files.size()];
            for (int i = 0; i < names.length; i++) {
                String clean = name(i);
                String changed = encoding.rename(clean);
                while (!taken.add(changed)) {
                    clean += encoding.extension();
                    changed = clean;
                }
                names[i] = changed;
            }
            return List.of(names);
        }

        @Override
        int size() {
            return files.size();
        }

        @Override
        String description() {
            return folder + ", " + files.size() + " image files";
        }

        @Override
        String fingerprint() {
            MessageDigest digest = Checksum.sha256();
            for (int i = 0; i < files.size(); i++) {
                try {
                    digest.update(name(i).getBytes(StandardCharsets.UTF_8));
                    digest.update(ByteBuffer.allocate(Long.BYTES + 1)
                            .put((byte) 0)
                            .putLong(Files.size(files.get(i)))
                            .flip());
                } catch (IOException e) {
                    throw UserError.cannotRead(files.get(i), e);
                }
            }
            return Checksum.hex(digest);
        }

        @Override
        CleanImage read(int position) {
            Path file = files.get(position);
            byte[] content;
            try {
                if (!Files.isRegularFile(file)) {
                    throw new UserError("cannot read " + file + ": it is not a regular file");
                }
                content = Files.readAllBytes(file);
            } catch (IOException e) {
                throw UserError.cannotRead(file, e);
            }
            // Before decoding, which changes the bytes.
            String sha256 = Checksum.of(content);
            return new CleanImage(fitting.apply(decoder.decode(file.toString(), content)), position, sha256);
        }
    }
}
