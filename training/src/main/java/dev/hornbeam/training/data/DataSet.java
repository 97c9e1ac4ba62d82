package dev.hornbeam.training.data;

import dev.hornbeam.training.UserError;
import java.util.Optional;

/** The training and the test part of one data set, of the same image size and the same classes; one may be missing. */
public final class DataSet {
    private final String name;
    private final ImageSet train;
    private final ImageSet test;

    /**
     * Puts two parts together.
     *
     * @param train images to learn from, or null
     * @param test images to test with, or null
     * @throws UserError if their images differ in size or their classes in number
     */
    public DataSet(String name, ImageSet train, ImageSet test) {
        this.name = name;
        this.train = train;
        this.test = test;
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

    private static String size(ImageSet set) {
        return set.height() + "x" + set.width() + "x" + set.channels();
    }

    /** Returns the name that it was asked for by. */
    public String name() {
        return name;
    }

    /**
     * Returns the training part.
     *
     * @throws UserError if there is none
     */
    public ImageSet train() {
        return Optional.ofNullable(train)
                .orElseThrow(() -> new UserError(name + ": has no training images. Name a data set that has some, or an"
                        + " .npz with the arrays train_images and train_labels (or images and labels)."));
    }

    /**
     * Returns the test part.
     *
     * @throws UserError if there is none
     */
    public ImageSet test() {
        return Optional.ofNullable(test)
                .orElseThrow(
                        () -> new UserError(name + ": has no test images. Give some with --set data.test=FILE.npz, or"
                                + " put the arrays test_images and test_labels into the archive."));
    }

    /** Tells whether there is a training part. */
    public boolean hasTrain() {
        return train != null;
    }

    /** Tells whether there is a test part. */
    public boolean hasTest() {
        return test != null;
    }
}
