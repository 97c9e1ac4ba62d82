package dev.hornbeam.training.noise;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Which class is mistaken for which in the published asymmetric noise (Patrini et al. 2017), by the names of the classes.
 *
 * <p>CIFAR-10: truck to automobile, bird to airplane, deer to horse, cat and dog to each other. MNIST: 2 to 7, 3 to 8, 7 to
 * 1, 5 and 6 to each other. CIFAR-100: every class to the next of its superclass in the order of the labels, the last to
 * the first.
 */
public final class AsymmetricPairs {
    private static final List<String> CIFAR10 =
            List.of("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck");
    private static final Map<String, String> CIFAR10_PAIRS =
            Map.of("truck", "automobile", "bird", "airplane", "deer", "horse", "cat", "dog", "dog", "cat");
    private static final List<String> MNIST = List.of("0", "1", "2", "3", "4", "5", "6", "7", "8", "9");
    private static final Map<String, String> MNIST_PAIRS = Map.of("2", "7", "3", "8", "7", "1", "5", "6", "6", "5");

    // The 20 superclasses of CIFAR-100 (Krizhevsky 2009), their classes in the order of the labels.
    private static final List<List<String>> CIFAR100 = List.of(
            List.of("beaver", "dolphin", "otter", "seal", "whale"),
            List.of("aquarium_fish", "flatfish", "ray", "shark", "trout"),
            List.of("orchid", "poppy", "rose", "sunflower", "tulip"),
            List.of("bottle", "bowl", "can", "cup", "plate"),
            List.of("apple", "mushroom", "orange", "pear", "sweet_pepper"),
            List.of("clock", "keyboard", "lamp", "telephone", "television"),
            List.of("bed", "chair", "couch", "table", "wardrobe"),
            List.of("bee", "beetle", "butterfly", "caterpillar", "cockroach"),
            List.of("bear", "leopard", "lion", "tiger", "wolf"),
            List.of("bridge", "castle", "house", "road", "skyscraper"),
            List.of("cloud", "forest", "mountain", "plain", "sea"),
            List.of("camel", "cattle", "chimpanzee", "elephant", "kangaroo"),
            List.of("fox", "porcupine", "possum", "raccoon", "skunk"),
            List.of("crab", "lobster", "snail", "spider", "worm"),
            List.of("baby", "boy", "girl", "man", "woman"),
            List.of("crocodile", "dinosaur", "lizard", "snake", "turtle"),
            List.of("hamster", "mouse", "rabbit", "shrew", "squirrel"),
            List.of("maple_tree", "oak_tree", "palm_tree", "pine_tree", "willow_tree"),
            List.of("bicycle", "bus", "motorcycle", "pickup_truck", "train"),
            List.of("lawn_mower", "rocket", "streetcar", "tank", "tractor"));

    private AsymmetricPairs() {}

    /**
     * Returns the partner of each class of {@code set}, itself for those that are never mistaken.
     *
     * @throws UserError if its classes are not those of CIFAR-10, CIFAR-100 or MNIST
     */
    public static int[] of(ImageSet set) {
        List<String> names = set.classNames().stream()
                .map(name -> name.toLowerCase(Locale.ROOT).replace(' ', '_').replace('-', '_'))
                .toList();
        if (names.equals(CIFAR10)) {
            return partners(names, CIFAR10_PAIRS);
        } else if (names.equals(MNIST) && set.name().toLowerCase(Locale.ROOT).contains("mnist")) {
            return partners(names, MNIST_PAIRS);
        } else if (names.stream().sorted().toList().equals(sortedCifar100())) {
            Map<String, String> next = new HashMap<>();
            for (List<String> group : CIFAR100) {
                for (int i = 0; i < group.size(); i++) {
                    next.put(group.get(i), group.get((i + 1) % group.size()));
                }
            }
            return partners(names, next);
        }
        throw new UserError(
                "asymmetric noise is published for the classes of cifar-10, cifar-100 and mnist, not for those of "
                        + set.name() + " ("
                        + set.classNames().stream().limit(4).collect(Collectors.joining(", "))
                        + ", …); give a matrix with"
                        + " noise: {kind: transition, matrix: FILE}");
    }

    private static List<String> sortedCifar100() {
        return CIFAR100.stream().flatMap(List::stream).sorted().toList();
    }

    private static int[] partners(List<String> names, Map<String, String> pairs) {
        int[] partners = new int[names.size()];
        Arrays.setAll(partners, k -> names.indexOf(pairs.getOrDefault(names.get(k), names.get(k))));
        return partners;
    }
}
