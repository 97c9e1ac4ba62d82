package dev.hornbeam.training.data;

/**
 * Some images of a set, ready for a network.
 *
 * <p>The arrays belong to the loader and are used again: they are valid until the next call of
 * {@link BatchLoader#next()}, {@link BatchLoader#seek} or {@link BatchLoader#close()}. They have room for a full
 * batch; only the first {@link #size()} images are filled.
 */
public final class Batch {
    private final ImageSet set;
    private final float[] images;
    private final int[] labels;
    private final int[] positions;
    private final float[] targets;
    private final float[] softLabels;
    private int size;
    private int epoch;
    private int index;
    private boolean lastOfEpoch;

    /**
     * Makes room for a batch.
     *
     * @param softClasses numbers in a row of soft labels; 0 for none
     */
    Batch(ImageSet set, int capacity, int softClasses) {
        this.set = set;
        this.images = new float[Math.multiplyExact(capacity, set.imageLength())];
        this.labels = new int[capacity];
        this.positions = new int[capacity];
        this.targets = new float
                [Math.multiplyExact(capacity, set.targets().map(Targets::length).orElse(0))];
        this.softLabels = new float[Math.multiplyExact(capacity, softClasses)];
    }

    void begin(int newEpoch, int newIndex, int newSize, boolean last) {
        epoch = newEpoch;
        index = newIndex;
        size = newSize;
        lastOfEpoch = last;
    }

    void fill(int place, int position, Preparation preparation, byte[] scratch) {
        preparation.prepare(set, position, epoch, images, place * set.imageLength(), scratch);
        labels[place] = set.label(position);
        positions[place] = position;
        if (targets.length > 0) {
            Targets all = set.targets().orElseThrow();
            all.copyRow(set.originalIndex(position), targets, place * all.length());
        }
    }

    /** Returns the number of images in this batch. */
    public int size() {
        return size;
    }

    /** Returns the images in the order NHWC; the first {@code size() * height() * width() * channels()} are set. */
    public float[] images() {
        return images;
    }

    /** Returns the classes; the first {@code size()} are set. */
    public int[] labels() {
        return labels;
    }

    /** Returns the position in the data set of each image; the first {@code size()} are set. */
    public int[] positions() {
        return positions;
    }

    /** Returns the regression targets, row after row; the first {@code size()} rows are set. Empty for sets without. */
    public float[] targets() {
        return targets;
    }

    /**
     * Returns the share of every class in each image, row after row; the first {@code size()} rows are set. Empty where the
     * images of a batch are not mixed, and {@link #labels} say it all.
     */
    public float[] softLabels() {
        return softLabels;
    }

    /** Returns the height of the images. */
    public int height() {
        return set.height();
    }

    /** Returns the width of the images. */
    public int width() {
        return set.width();
    }

    /** Returns the channels of the images. */
    public int channels() {
        return set.channels();
    }

    /** Returns the pass over the data that this batch belongs to, from 0. */
    public int epoch() {
        return epoch;
    }

    /** Returns the place of this batch in its epoch, from 0. */
    public int index() {
        return index;
    }

    /** Tells whether the next batch begins a new epoch. */
    public boolean lastOfEpoch() {
        return lastOfEpoch;
    }
}
