package dev.hornbeam.training.data;

import dev.hornbeam.training.NearestNames;
import dev.hornbeam.training.UserError;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * The parts of one data set, as train and test, of the same classes; each is read when it is first asked for.
 *
 * <p>Which parts there are is up to the publisher: {@code train} and {@code test}, and with some sets {@code validation},
 * {@code extra} or the folds of a cross-validation. One of them is trained on by default and one tested with; either may be
 * missing.
 */
public final class DataSet {
    /** The name of the part to learn from, where there is one. */
    public static final String TRAIN = "train";

    /** The name of the part to test with, where there is one. */
    public static final String TEST = "test";

    /** The name of the part for choices made during training, where the publisher has one. */
    public static final String VALIDATION = "validation";

    private final String name;
    private final Map<String, Supplier<ImageSet>> parts;

    /**
     * Puts two parts together.
     *
     * @param train images to learn from, or null
     * @param test images to test with, or null
     * @throws UserError if their images differ in size or their classes in number
     */
    public DataSet(String name, ImageSet train, ImageSet test) {
        this(name, held(train, test));
        if (train != null && test != null) {
            if (train.height() != test.height()
                    || train.width() != test.width()
                    || train.channels() != test.channels()) {
                throw new UserError(name + ": training images are " + size(train) + " but test images are " + size(test)
                        + " (height x width x channels)");
            }
            if (train.classes() != test.classes()) {
                throw new UserError(name + ": " + train.classes() + " classes to train on but " + test.classes()
                        + " in the test part");
            }
        }
    }

    /** Puts parts together that are read when they are first asked for. */
    DataSet(String name, Map<String, Supplier<ImageSet>> parts) {
        this.name = name;
        this.parts = new LinkedHashMap<>();
        parts.forEach((part, supplier) -> this.parts.put(part, once(supplier)));
    }

    /** Returns the set whose parts are changed so when they are read. */
    DataSet with(UnaryOperator<ImageSet> change) {
        Map<String, Supplier<ImageSet>> changed = new LinkedHashMap<>();
        parts.forEach((part, supplier) -> changed.put(part, () -> change.apply(supplier.get())));
        return new DataSet(name, changed);
    }

    private static Map<String, Supplier<ImageSet>> held(ImageSet train, ImageSet test) {
        Map<String, Supplier<ImageSet>> parts = new LinkedHashMap<>();
        if (train != null) {
            parts.put(TRAIN, () -> train);
        }
        if (test != null) {
            parts.put(TEST, () -> test);
        }
        return parts;
    }

    private static Supplier<ImageSet> once(Supplier<ImageSet> supplier) {
        return new Supplier<>() {
            private ImageSet set;

            @Override
            public synchronized ImageSet get() {
                if (set == null) {
                    set = supplier.get();
                }
                return set;
            }
        };
    }

    private static String size(ImageSet set) {
        return set.height() + "x" + set.width() + "x" + set.channels();
    }

    /** Returns the name that it was asked for by. */
    public String name() {
        return name;
    }

    /** Returns the names of the parts, in the publisher's order. */
    public List<String> parts() {
        return List.copyOf(parts.keySet());
    }

    /**
     * Returns a part by name, or several one after the other, as in {@code train+extra}.
     *
     * @throws UserError if there is none of that name, or it cannot be read
     */
    public ImageSet part(String part) {
        List<ImageSet> found = new ArrayList<>();
        for (String one : part.split("\\+", -1)) {
            Supplier<ImageSet> supplier = parts.get(one);
            if (supplier == null) {
                throw new UserError(name + ": has no part '" + one + "'; it has " + String.join(", ", parts.keySet())
                        + NearestNames.didYouMean(one, parts.keySet()));
            }
            found.add(supplier.get());
        }
        return found.size() == 1 ? found.getFirst() : ImageSet.concatenated(found);
    }

    /**
     * Returns the training part.
     *
     * @throws UserError if there is none, or it cannot be read
     */
    public ImageSet train() {
        return find(TRAIN)
                .orElseThrow(() -> new UserError(name + ": has no training images. Name a data set that has some, or an"
                        + " .npz with the arrays train_images and train_labels (or images and labels)."));
    }

    /**
     * Returns the test part.
     *
     * @throws UserError if there is none, or it cannot be read
     */
    public ImageSet test() {
        return find(TEST)
                .orElseThrow(
                        () -> new UserError(
                                name
                                        + ": has no test images. Give some with --set data.test=FILE.npz, hold some out with"
                                        + " --set data.test_fraction=0.2, or put the arrays test_images and test_labels into the archive."));
    }

    private Optional<ImageSet> find(String part) {
        return Optional.ofNullable(parts.get(part)).map(Supplier::get);
    }

    /** Tells whether there is a training part. */
    public boolean hasTrain() {
        return parts.containsKey(TRAIN);
    }

    /** Tells whether there is a test part. */
    public boolean hasTest() {
        return parts.containsKey(TEST);
    }
}
