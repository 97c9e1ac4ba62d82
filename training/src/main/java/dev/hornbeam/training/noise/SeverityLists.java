package dev.hornbeam.training.noise;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.UserFile;
import dev.hornbeam.training.data.ImageSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A mixture of severities as lists of images, in the layout that SharpDRO published for ImageNet-30.
 *
 * <p>{@code distribution_0.txt}, {@code distribution_1.txt} and so on have a line for each training image of that severity, {@code
 * val.txt} one for each image left over: its path and its class, with a blank between. A prefix such as {@code
 * imagenet30_} may stand before these names. A path is one that ends as the path of the image does; images that are not
 * files have their index in the published order in its place.
 */
public final class SeverityLists {
    private static final String DISTRIBUTION = "distribution_";
    private static final String VALIDATION = "val.txt";

    private SeverityLists() {}

    /**
     * Writes the lists of a mixture to a folder, which is made where it is missing.
     *
     * @throws UserError if they cannot be written
     */
    public static void write(Path folder, PhotonLimitedMixture mixture) {
        for (int s = 0; s <= mixture.severities(); s++) {
            UserFile.writeText(folder.resolve(DISTRIBUTION + s + ".txt"), lines(mixture.images(s)));
        }
        UserFile.writeText(folder.resolve(VALIDATION), lines(mixture.validation()));
    }

    private static String lines(ImageSet images) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < images.size(); i++) {
            text.append(key(images, i)).append(' ').append(images.label(i)).append('\n');
        }
        return text.toString();
    }

    private static String key(ImageSet images, int position) {
        return images.isOnDemand() ? images.describe(position) : Integer.toString(images.originalIndex(position));
    }

    /**
     * Divides a set as the lists in a folder say.
     *
     * @param severities the strongest severity there must be a list for
     * @throws UserError if a list is missing or damaged, names an image that the set does not have, one twice, or another
     *     class than the set
     */
    public static PhotonLimitedMixture read(Path folder, ImageSet set, int severities) {
        Names names = new Names(set);
        int[] severityOf = new int[set.size()];
        Arrays.fill(severityOf, -1);
        for (int s = 0; s <= severities; s++) {
            Path file = find(folder, DISTRIBUTION + s + ".txt");
            List<String> lines = TransitionMatrix.text(file).lines().toList();
            for (int k = 0; k < lines.size(); k++) {
                if (!lines.get(k).isBlank()) {
                    String where = file + ":" + (k + 1) + ": ";
                    int position = position(lines.get(k).strip(), where, names, set);
                    if (severityOf[position] >= 0) {
                        throw new UserError(where + "the image stands in the lists a second time; it has severity "
                                + severityOf[position] + " already");
                    }
                    severityOf[position] = s;
                }
            }
        }
        return PhotonLimitedMixture.of(set, severityOf, severities);
    }

    private static int position(String line, String where, Names names, ImageSet set) {
        int blank = line.lastIndexOf(' ');
        if (blank < 1) {
            throw new UserError(where + "'" + line + "'; expected the path of an image, a blank and its class");
        }
        int position = names.position(line.substring(0, blank).strip());
        if (position < 0) {
            throw new UserError(where + "no image " + line.substring(0, blank) + " in " + set.name());
        }
        String label = line.substring(blank + 1);
        if (!label.equals(Integer.toString(set.label(position)))) {
            throw new UserError(where + "class " + label + ", but in " + set.name() + " that image has class "
                    + set.label(position));
        }
        return position;
    }

    private static Path find(Path folder, String name) {
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> found = files.filter(file -> {
                        String own = file.getFileName().toString();
                        return own.equals(name) || own.endsWith("_" + name);
                    })
                    .sorted()
                    .toList();
            if (found.size() == 1) {
                return found.getFirst();
            }
            throw new UserError(folder + ": has " + (found.isEmpty() ? "no" : "several") + " lists of images called "
                    + name + " or …_" + name + "; expected one");
        } catch (IOException e) {
            throw UserError.cannotRead(folder, e);
        }
    }

    /** Finds images by index, or by the last parts of their paths. */
    private static final class Names {
        private final Map<String, Integer> positions = new HashMap<>();
        private final boolean paths;

        Names(ImageSet set) {
            paths = set.isOnDemand();
            for (int i = 0; i < set.size(); i++) {
                positions.put(paths ? ending(set.describe(i)) : key(set, i), i);
            }
        }

        int position(String key) {
            return positions.getOrDefault(paths ? ending(key) : key, -1);
        }

        // Class folder and file: what does not depend on where the data set lies.
        private static String ending(String path) {
            String[] parts = path.replace('\\', '/').split("/", -1);
            return parts.length < 2 ? path : parts[parts.length - 2] + "/" + parts[parts.length - 1];
        }
    }
}
