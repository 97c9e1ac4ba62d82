package dev.hornbeam.training.data;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.image.Background;
import dev.hornbeam.training.image.Interpolation;
import dev.hornbeam.training.image.Preprocessing;
import dev.hornbeam.training.image.Resize;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Which images of a data set take which part in an experiment, and in what size.
 *
 * <p>In this order: the training and the test part are taken; where {@code testFraction} is above 0, that share of every class
 * leaves the training part and is the test part; the validation images leave the training part; of what is left,
 * {@code fewShot} of every class and then the first {@code trainSubset} images are taken. Every image keeps its original index, its place in
 * the published order.
 *
 * @param name as in {@link DataSetCatalog#load(String)}
 * @param otherTest data set whose test part is tested with; empty for this one's own
 * @param train part to train on, as {@link DataSet#part}
 * @param test part to test with
 * @param testFraction share of every class of the training part to test with; 0 for the test part
 * @param validation what is held out for choices during training
 * @param fewShot training images of each class; 0 for all
 * @param seed of the random draws, purpose DATA
 * @param trainSubset most images to train on; 0 for all
 * @param testSubset most images to test with; 0 for all
 * @param imageSize height and width that images are brought to; 0 for the data set's own
 * @param resize how; empty for the data set's own proportion
 * @param trainTargets file of regression targets of the training part
 * @param testTargets file of regression targets of the test part
 */
public record DataSelection(
        String name,
        Optional<String> otherTest,
        String train,
        String test,
        double testFraction,
        HoldOut validation,
        int fewShot,
        long seed,
        int trainSubset,
        int testSubset,
        int imageSize,
        Optional<String> resize,
        Optional<Path> trainTargets,
        Optional<Path> testTargets) {

    /** The stream of the draws of a test part, apart from those of a validation part of the same images. */
    private static final int TEST_STREAM = 1;

    /**
     * The images of an experiment.
     *
     * @param train to learn from
     * @param validation for choices during training
     * @param test that only the final figures come from
     */
    public record Parts(ImageSet train, Optional<ImageSet> validation, ImageSet test) {}

    /**
     * Reads them.
     *
     * @throws UserError if the data set is not found, has no such part, or nothing is left to train on
     */
    public Parts load(DataSetCatalog catalog) {
        DataSet set = catalog.load(name);
        ImageSet training = set.hasTrain() || !train.equals(DataSet.TRAIN) ? set.part(train) : set.train();
        if (trainTargets.isPresent()) {
            training = withTargets(training, trainTargets.get());
        }
        ImageSet testing;
        if (testFraction > 0) {
            if (otherTest.isPresent()) {
                throw new UserError("a share of " + name + " is to be held out for testing, and " + otherTest.get()
                        + " to be tested with; expected one of the two");
            }
            ImageSet.Division division = training.stratifiedSplit(testFraction, seed, TEST_STREAM);
            training = division.remaining();
            testing = division.heldOut().withSplit(Split.TEST);
        } else if (otherTest.isPresent()) {
            testing = catalog.load(name, otherTest.get()).test();
        } else {
            testing = set.hasTest() || !test.equals(DataSet.TEST) ? set.part(test) : set.test();
        }
        if (testTargets.isPresent()) {
            testing = withTargets(testing, testTargets.get());
        }
        Optional<ImageSet> held = Optional.empty();
        switch (validation) {
            case HoldOut.None _ -> {}
            case HoldOut.Part(String part) -> held = Optional.of(set.part(part).withSplit(Split.VALIDATION));
            case HoldOut.Fraction(double share, boolean stratified) -> {
                ImageSet.Division division =
                        stratified ? training.stratifiedSplit(share, seed) : training.randomSplit(share, seed);
                if (division.heldOut().size() == 0) {
                    throw new UserError("a share of " + share + " of " + training.size() + " training images of " + name
                            + " leaves none to validate with; raise it");
                }
                held = Optional.of(division.heldOut());
                training = division.remaining();
            }
        }
        if (fewShot > 0) {
            training = training.fewShot(fewShot, seed);
        }
        if (trainSubset > 0) {
            training = training.first(trainSubset);
        }
        if (training.size() == 0) {
            throw new UserError(name + ": no images are left to train on");
        }
        testing = testSubset > 0 ? testing.first(testSubset) : testing;
        return new Parts(sized(training), held.map(this::sized), sized(testing));
    }

    private static ImageSet withTargets(ImageSet set, Path file) {
        Targets targets = TargetsFile.read(file);
        if (targets.count() != set.size()) {
            throw new UserError(file + ": has targets of " + targets.count() + " images, but there are " + set.size());
        }
        return set.withTargets(targets);
    }

    // The network's size; what is cut off at the border is the same share as the data set's own preprocessing cuts off.
    private ImageSet sized(ImageSet set) {
        if (imageSize == 0 && resize.isEmpty()) {
            return set;
        }
        int side = imageSize == 0 ? set.height() : imageSize;
        Resize how = resize.map(Resize::parse).orElseGet(() -> {
            Resize own = set.preprocessing().map(Preprocessing::resize).orElse(new Resize.ShorterSide(set.height()));
            return own instanceof Resize.ShorterSide(int pixels)
                    ? new Resize.ShorterSide((int) Math.round((double) pixels * side / set.height()))
                    : own;
        });
        return set.fitted(new Preprocessing(side, side, set.channels(), how, Interpolation.BILINEAR, Background.WHITE));
    }
}
