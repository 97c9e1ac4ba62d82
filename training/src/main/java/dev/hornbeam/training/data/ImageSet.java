package dev.hornbeam.training.data;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.UserError;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;

/**
 * A labelled set of 8-bit images of one size, held in memory.
 *
 * <p>Pixels are unsigned bytes in the order [image][row][column][channel]. A set is immutable and may be read by any
 * number of threads. {@link #subset} and {@link #withLabels} share the pixels, and every image keeps the index that it
 * had in the set it was read into ({@link #originalIndex}): random draws are keyed by it, so an image gets the same
 * augmentation and the same corruption in whatever subset it stands.
 */
public final class ImageSet {
    private final String name;
    private final Split split;
    private final int height;
    private final int width;
    private final int channels;
    private final HostArray pixels;
    // Where image i lies among the pixels, and which image of the set that was read it is.
    private final int[] places;
    private final int[] originals;
    private final int[] labels;
    private final List<String> classNames;
    private final List<SourceFile> sources;
    private volatile String checksum;

    private ImageSet(
            String name,
            Split split,
            int height,
            int width,
            int channels,
            HostArray pixels,
            int[] places,
            int[] originals,
            int[] labels,
            List<String> classNames,
            List<SourceFile> sources) {
        this.name = name;
        this.split = split;
        this.height = height;
        this.width = width;
        this.channels = channels;
        this.pixels = pixels;
        this.places = places;
        this.originals = originals;
        this.labels = labels;
        this.classNames = List.copyOf(classNames);
        this.sources = List.copyOf(sources);
    }

    /**
     * Makes a set from pixels in memory.
     *
     * @param pixels {@code labels.length * height * width * channels} bytes, NHWC; not copied, so do not change it
     * @param labels class of each image, 0..{@code classNames.size()-1}
     * @param sources files that it was read from, empty where there are none
     * @throws UserError if the sizes do not fit together or a label is outside the classes
     */
    public static ImageSet of(
            String name,
            Split split,
            int height,
            int width,
            int channels,
            byte[] pixels,
            int[] labels,
            List<String> classNames,
            List<SourceFile> sources) {
        return of(name, split, height, width, channels, HostArray.wrap(pixels), labels.clone(), classNames, sources);
    }

    /** Makes a set from an array of bytes; the labels are taken over, not copied. */
    static ImageSet of(
            String name,
            Split split,
            int height,
            int width,
            int channels,
            HostArray pixels,
            int[] labels,
            List<String> classNames,
            List<SourceFile> sources) {
        Objects.requireNonNull(name);
        Objects.requireNonNull(split);
        if (height < 1 || width < 1 || channels < 1) {
            throw new UserError(name + ": images of " + height + "x" + width + "x" + channels
                    + " (height x width x channels) are empty; expected at least one pixel");
        }
        long expected = (long) labels.length * height * width * channels;
        if (pixels.elements() != expected) {
            throw new UserError(name + ": " + labels.length + " images of " + height + "x" + width + "x" + channels
                    + " take " + expected + " bytes, but there are " + pixels.elements());
        }
        checkLabels(name, labels, classNames.size());
        int[] order = inOrder(labels.length);
        return new ImageSet(name, split, height, width, channels, pixels, order, order, labels, classNames, sources);
    }

    private static void checkLabels(String where, int[] labels, int classes) {
        for (int i = 0; i < labels.length; i++) {
            if (labels[i] < 0 || labels[i] >= classes) {
                throw new UserError(where + ": label " + labels[i] + " of image " + i + " is outside 0.."
                        + (classes - 1) + " (" + classes + " classes)");
            }
        }
    }

    /** Returns the name of the data set. */
    public String name() {
        return name;
    }

    /** Returns the part that this set plays. */
    public Split split() {
        return split;
    }

    /** Returns the number of images. */
    public int size() {
        return labels.length;
    }

    /** Returns the height of every image in pixels. */
    public int height() {
        return height;
    }

    /** Returns the width of every image in pixels. */
    public int width() {
        return width;
    }

    /** Returns the channels of every image: 1 for grey, 3 for colour. */
    public int channels() {
        return channels;
    }

    /** Returns the number of bytes of one image. */
    public int imageLength() {
        return height * width * channels;
    }

    /** Returns the number of classes. */
    public int classes() {
        return classNames.size();
    }

    /** Returns the names of the classes; a label is an index into them. */
    public List<String> classNames() {
        return classNames;
    }

    /** Returns the files that the set was read from. */
    public List<SourceFile> sources() {
        return sources;
    }

    /** Returns the class of image {@code position}. */
    public int label(int position) {
        return labels[position];
    }

    /** Returns a copy of the labels of all images, in order. */
    public int[] labels() {
        return labels.clone();
    }

    /** Returns the index that image {@code position} had in the set as it was read. */
    public int originalIndex(int position) {
        return originals[position];
    }

    /** Copies the bytes of image {@code position} (HWC) to {@code into}, beginning at {@code at}. */
    public void copyImage(int position, byte[] into, int at) {
        int length = imageLength();
        pixels.read((long) places[position] * length, into, at, length);
    }

    /** Returns the bytes of image {@code position} (HWC). */
    public byte[] image(int position) {
        byte[] bytes = new byte[imageLength()];
        copyImage(position, bytes, 0);
        return bytes;
    }

    /**
     * Returns the images at {@code positions} of this set, in that order. Pixels are shared, original indices kept.
     *
     * @throws IndexOutOfBoundsException if a position is not one of this set's
     */
    public ImageSet subset(int... positions) {
        int[] chosenPlaces = new int[positions.length];
        int[] chosenOriginals = new int[positions.length];
        int[] chosenLabels = new int[positions.length];
        for (int i = 0; i < positions.length; i++) {
            int position = Objects.checkIndex(positions[i], size());
            chosenPlaces[i] = places[position];
            chosenOriginals[i] = originals[position];
            chosenLabels[i] = labels[position];
        }
        return with(split, pixels, chosenPlaces, chosenOriginals, chosenLabels);
    }

    /** Returns the first {@code count} images, or the whole set where it has no more than that. */
    public ImageSet first(int count) {
        return subset(inOrder(Math.min(count, size())));
    }

    /**
     * Returns the same images with other labels, as label noise makes them.
     *
     * @param newLabels one class per image, 0..{@code classes()-1}
     */
    public ImageSet withLabels(int[] newLabels) {
        if (newLabels.length != size()) {
            throw new IllegalArgumentException(newLabels.length + " labels for " + size() + " images");
        }
        checkLabels(name, newLabels, classes());
        return with(split, pixels, places, originals, newLabels.clone());
    }

    /** Returns the same images, in another part of the experiment. */
    public ImageSet withSplit(Split newSplit) {
        return with(newSplit, pixels, places, originals, labels);
    }

    /**
     * Returns images with the same labels and original indices whose pixels are {@code changed}.
     *
     * @param changed {@code size() * imageLength()} bytes, NHWC in the order of this set; not copied
     */
    public ImageSet withPixels(byte[] changed) {
        if (changed.length != (long) size() * imageLength()) {
            throw new IllegalArgumentException(
                    changed.length + " bytes for " + size() + " images of " + imageLength() + " bytes");
        }
        return with(split, HostArray.wrap(changed), inOrder(size()), originals, labels);
    }

    private ImageSet with(Split split, HostArray pixels, int[] places, int[] originals, int[] labels) {
        return new ImageSet(
                name, split, height, width, channels, pixels, places, originals, labels, classNames, sources);
    }

    private static int[] inOrder(int count) {
        int[] order = new int[count];
        Arrays.setAll(order, i -> i);
        return order;
    }

    /** Two parts of one set: what was held out and what is left. */
    public record Division(ImageSet remaining, ImageSet heldOut) {}

    /**
     * Holds out the same share of every class at random.
     *
     * <p>From a class of n images round(fraction·n) are held out: the first ones of an order drawn from Philox (seed,
     * DATA, tensor = class). Both parts keep the order of this set. The held-out part is the {@link Split#VALIDATION}
     * split.
     *
     * @param fraction share to hold out, 0..1
     */
    public Division stratifiedSplit(double fraction, long seed) {
        if (!(fraction >= 0 && fraction <= 1)) {
            throw new UserError("fraction to hold out is " + fraction + "; expected 0..1");
        }
        boolean[] held = new boolean[size()];
        int heldCount = 0;
        for (int c = 0; c < classes(); c++) {
            int[] members = membersOf(c);
            int[] order = new Philox(seed, Purpose.DATA, c, 0, 0).permutation(members.length);
            int take = (int) Math.round(fraction * members.length);
            for (int i = 0; i < take; i++) {
                held[members[order[i]]] = true;
            }
            heldCount += take;
        }
        int[] out = new int[heldCount];
        int[] rest = new int[size() - heldCount];
        for (int i = 0, o = 0, r = 0; i < held.length; i++) {
            if (held[i]) {
                out[o++] = i;
            } else {
                rest[r++] = i;
            }
        }
        return new Division(subset(rest), subset(out).withSplit(Split.VALIDATION));
    }

    private int[] membersOf(int label) {
        int[] members = new int[size()];
        int count = 0;
        for (int i = 0; i < labels.length; i++) {
            if (labels[i] == label) {
                members[count++] = i;
            }
        }
        return Arrays.copyOf(members, count);
    }

    /**
     * Returns the SHA-256 of what is in this set: sizes, then pixels, then labels, in lower-case hexadecimal.
     *
     * <p>Hashed are the big-endian 32-bit numbers count, height, width, channels, classes, then all pixels in order,
     * then all labels as big-endian 32-bit numbers.
     */
    public String checksum() {
        if (checksum == null) {
            MessageDigest digest = sha256();
            digest.update(ByteBuffer.allocate(20)
                    .putInt(size())
                    .putInt(height)
                    .putInt(width)
                    .putInt(channels)
                    .putInt(classes())
                    .flip());
            byte[] image = new byte[imageLength()];
            for (int i = 0; i < size(); i++) {
                copyImage(i, image, 0);
                digest.update(image);
            }
            ByteBuffer numbers = ByteBuffer.allocate(4 * labels.length);
            numbers.asIntBuffer().put(labels);
            digest.update(numbers);
            checksum = HexFormat.of().formatHex(digest.digest());
        }
        return checksum;
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    @Override
    public String toString() {
        return name + " " + split + ": " + size() + " images of " + height + "x" + width + "x" + channels + ", "
                + classes() + " classes";
    }
}
