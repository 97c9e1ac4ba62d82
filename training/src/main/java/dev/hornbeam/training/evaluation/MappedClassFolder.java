package dev.hornbeam.training.evaluation;

import dev.hornbeam.training.NearestNames;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.ImageSource;
import dev.hornbeam.training.data.Split;
import dev.hornbeam.training.image.ImageDecoder;
import dev.hornbeam.training.image.ImageFiles;
import dev.hornbeam.training.image.PixelImage;
import dev.hornbeam.training.image.Preprocessing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * A folder of class folders, as ImageNet-A, ImageNet-R and ImageNet-Sketch are published: images of some of a network's classes,
 * under names of their own.
 *
 * @param folder that the class folders lie in
 * @param classes index of the network's class, by the name of the class folder
 */
public record MappedClassFolder(Path folder, Map<String, Integer> classes) {

    /** Keeps its own copy. */
    public MappedClassFolder {
        classes = new LinkedHashMap<>(classes);
    }

    /**
     * Matches class folders to the classes of a network.
     *
     * @param folder that the class folders lie in
     * @param map lines {@code FOLDER,CLASS}, also with a tab or blanks between; CLASS is the name of one of the network's
     *     classes, or its index from 0. Empty lines and those that begin with # do not count. Null where the folders have the
     *     names, or the indices, of the network's classes
     * @param classNames names of the network's classes, in order
     * @throws UserError if the folder has no class folder, one of them is not in the map, or a class is not the network's
     */
    public static MappedClassFolder open(Path folder, Path map, List<String> classNames) {
        List<String> names = classFolders(folder);
        Map<String, String> known = map == null ? Map.of() : read(map);
        Map<String, Integer> classes = new LinkedHashMap<>();
        for (String name : names) {
            String wanted = map == null ? name : known.get(name);
            if (wanted == null) {
                throw new UserError(map + " says nothing of the class folder " + folder.resolve(name)
                        + "; expected a line " + name + ",CLASS" + NearestNames.didYouMean(name, known.keySet()));
            }
            String where =
                    map == null ? "the class folder " + folder.resolve(name) : "the line of " + name + " in " + map;
            classes.put(name, index(wanted, classNames, where, map == null));
        }
        return new MappedClassFolder(folder, classes);
    }

    private static List<String> classFolders(Path folder) {
        try (Stream<Path> entries = Files.list(folder)) {
            List<String> names = entries.filter(Files::isDirectory)
                    .map(path -> path.getFileName().toString())
                    .filter(name -> !name.startsWith("."))
                    .sorted()
                    .toList();
            if (names.isEmpty()) {
                throw new UserError(folder + " has no folders; expected one for each class, with its images");
            }
            return names;
        } catch (IOException e) {
            throw UserError.cannotRead(folder, e);
        }
    }

    private static Map<String, String> read(Path map) {
        List<String> lines;
        try {
            lines = Files.readAllLines(map);
        } catch (IOException e) {
            throw UserError.cannotRead(map, e);
        }
        Map<String, String> classes = new LinkedHashMap<>();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (line.isEmpty() || line.startsWith("#")) {
                continue;
            }
            // The first separator counts: names of classes may hold blanks.
            String[] parts = line.split(line.contains(",") ? "\\s*,\\s*" : "\\s+", 2);
            if (parts.length < 2 || parts[0].isEmpty() || parts[1].isEmpty()) {
                throw new UserError(map + ":" + (i + 1) + ": \"" + line + "\" is no line FOLDER,CLASS");
            }
            if (classes.putIfAbsent(parts[0], parts[1]) != null) {
                throw new UserError(map + ":" + (i + 1) + ": the class folder " + parts[0] + " has a line already");
            }
        }
        return classes;
    }

    private static int index(String wanted, List<String> classNames, String where, boolean mapMissing) {
        int named = classNames.indexOf(wanted);
        if (named >= 0) {
            return named;
        }
        if (wanted.matches("\\d{1,9}")) {
            int index = Integer.parseInt(wanted);
            if (index < classNames.size()) {
                return index;
            }
        }
        throw new UserError(
                where + " means the class " + wanted + ", which the network does not have; expected a name of its "
                        + classNames.size() + " classes or an index in 0.." + (classNames.size() - 1)
                        + (mapMissing ? ", or a class map that says which class it is" : "")
                        + NearestNames.didYouMean(wanted, classNames));
    }

    /** The indices of the network's classes that there are folders of, rising. */
    public List<Integer> candidates() {
        return List.copyOf(new TreeSet<>(classes.values()));
    }

    /**
     * The images, decoded when they are asked for, labelled with the network's classes.
     *
     * @param fit what brings them to the network's size
     * @param classNames names of the network's classes, in order
     * @param maxPixels images of more pixels are refused
     * @throws UserError if a folder cannot be read or has no image
     */
    public ImageSet images(Preprocessing fit, List<String> classNames, long maxPixels) {
        List<Path> files = new ArrayList<>();
        List<Integer> labels = new ArrayList<>();
        classes.forEach((name, label) -> {
            Collection<Path> found = ImageFiles.list(folder.resolve(name), true);
            files.addAll(found);
            found.forEach(_ -> labels.add(label));
        });
        ImageSource source = new FileSource(folder, List.copyOf(files), new ImageDecoder(fit.background(), maxPixels));
        return ImageSet.onDemand(
                folder.toString(),
                Split.TEST,
                source,
                fit,
                labels.stream().mapToInt(Integer::intValue).toArray(),
                classNames,
                List.of());
    }

    private record FileSource(Path folder, List<Path> files, ImageDecoder decoder) implements ImageSource {
        @Override
        public PixelImage image(int place) {
            return decoder.decode(files.get(place));
        }

        @Override
        public String describe(int place) {
            return files.get(place).toString();
        }

        @Override
        public String identity(int place) {
            try {
                return ImageFiles.name(folder, files.get(place)) + " " + Files.size(files.get(place));
            } catch (IOException e) {
                throw UserError.cannotRead(files.get(place), e);
            }
        }
    }
}
