package dev.hornbeam.training.data;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.image.PixelImage;
import dev.hornbeam.training.image.Preprocessing;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * A labelled set of 8-bit images.
 *
 * <p>There are two sorts. The images of a set <em>in memory</em> have one size; their pixels are unsigned bytes in the order
 * [image][row][column][channel]. Those of a set <em>on demand</em> ({@link #isOnDemand}) are decoded each time they are asked
 * for, and may differ in size: {@link #original} gives one in its own size, while {@link #copyImage} and {@link #image} give it
 * resized and cut to {@link #height} x {@link #width} x {@link #channels} as {@link #preprocessing} says. So whoever
 * asks for images of one size need not know which sort it is.
 *
 * <p>A set is immutable and may be read by any number of threads. {@link #subset} and {@link #withLabels} share the pixels, and
 * every image keeps the index that it had in the set it was read into, its place in the published order
 * ({@link #originalIndex}): random draws are keyed by it, so an image gets the same augmentation and the same
 * corruption in whatever subset it stands. It also keeps the label it was read with ({@link #trueLabel}), and, in sets that have
 * them, its regression targets.
 */
public final class ImageSet {
    /** Where the images of a set are: together in memory, or each where it is decoded from. */
    private sealed interface Pixels {
        record InMemory(HostArray bytes) implements Pixels {}

        record OnDemand(ImageSource source, Preprocessing fit) implements Pixels {}
    }

    private final String name;
    private final Split split;
    private final int height;
    private final int width;
    private final int channels;
    private final Pixels pixels;
    // Of each image: where it lies among the pixels, which image of the set that was read it is, its class now and when
    // read.
    private final int[] places;
    private final int[] originals;
    private final int[] labels;
    private final int[] trueLabels;
    // By original index; null in sets without.
    private final Targets targets;
    private final List<String> classNames;
    private final List<SourceFile> sources;
    private volatile String checksum;

    private ImageSet(
            String name,
            Split split,
            int height,
            int width,
            int channels,
            Pixels pixels,
            int[] places,
            int[] originals,
            int[] labels,
            int[] trueLabels,
            Targets targets,
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
        this.trueLabels = trueLabels;
        this.targets = targets;
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
        return new ImageSet(
                name,
                split,
                height,
                width,
                channels,
                new Pixels.InMemory(pixels),
                order,
                order,
                labels,
                labels,
                null,
                classNames,
                sources);
    }

    /**
     * Makes a set whose images are decoded when they are asked for.
     *
     * @param source the images
     * @param fit what {@link #copyImage} does to an image to bring it to one size
     * @param labels class of each image of {@code source}, 0..{@code classNames.size()-1}
     * @param sources files that say which images there are, empty where there are none
     * @throws UserError if a label is outside the classes
     */
    public static ImageSet onDemand(
            String name,
            Split split,
            ImageSource source,
            Preprocessing fit,
            int[] labels,
            List<String> classNames,
            List<SourceFile> sources) {
        checkLabels(name, labels, classNames.size());
        int[] order = inOrder(labels.length);
        int[] own = labels.clone();
        return new ImageSet(
                Objects.requireNonNull(name),
                Objects.requireNonNull(split),
                fit.height(),
                fit.width(),
                fit.channels(),
                new Pixels.OnDemand(Objects.requireNonNull(source), fit),
                order,
                order,
                own,
                own,
                null,
                classNames,
                sources);
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

    /** Returns the class that image {@code position} was read with, whatever {@link #withLabels} made of it since. */
    public int trueLabel(int position) {
        return trueLabels[position];
    }

    /** Returns a copy of the labels that the images were read with, in order. */
    public int[] trueLabels() {
        return trueLabels.clone();
    }

    /** Returns the index that image {@code position} had in the set as it was read. */
    public int originalIndex(int position) {
        return originals[position];
    }

    /** Tells whether images are decoded each time they are asked for; if not, they lie in memory. */
    public boolean isOnDemand() {
        return pixels instanceof Pixels.OnDemand;
    }

    /** Returns how images decoded on demand come to one size; empty for a set in memory. */
    public Optional<Preprocessing> preprocessing() {
        return pixels instanceof Pixels.OnDemand onDemand ? Optional.of(onDemand.fit()) : Optional.empty();
    }

    /**
     * Returns image {@code position} in its own size and colours, as it was decoded; images on demand may have other channels
     * than {@link #channels}.
     *
     * @throws UserError if it cannot be read, naming its file
     */
    public PixelImage original(int position) {
        return switch (pixels) {
            case Pixels.InMemory _ -> new PixelImage(width, height, channels, image(position));
            case Pixels.OnDemand onDemand -> onDemand.source().image(places[position]);
        };
    }

    /** Returns where image {@code position} was read from, for messages: a file, or a place in one. */
    public String describe(int position) {
        return pixels instanceof Pixels.OnDemand onDemand
                ? onDemand.source().describe(places[position])
                : "image " + originals[position] + " of " + name;
    }

    /**
     * Copies the bytes of image {@code position} (HWC) to {@code into}, beginning at {@code at}: {@link #imageLength} of them.
     *
     * @throws UserError if it is decoded on demand and cannot be read, naming its file
     */
    public void copyImage(int position, byte[] into, int at) {
        int length = imageLength();
        switch (pixels) {
            case Pixels.InMemory(HostArray bytes) -> bytes.read((long) places[position] * length, into, at, length);
            case Pixels.OnDemand(ImageSource source, Preprocessing fit) -> {
                PixelImage fitted = fit.apply(source.image(places[position]));
                System.arraycopy(fitted.pixels(), 0, into, at, length);
            }
        }
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
        int[] chosenTrueLabels = new int[positions.length];
        for (int i = 0; i < positions.length; i++) {
            int position = Objects.checkIndex(positions[i], size());
            chosenPlaces[i] = places[position];
            chosenOriginals[i] = originals[position];
            chosenLabels[i] = labels[position];
            chosenTrueLabels[i] = trueLabels[position];
        }
        return with(split, pixels, chosenPlaces, chosenOriginals, chosenLabels, chosenTrueLabels, targets);
    }

    /** Returns the first {@code count} images, or the whole set where it has no more than that. */
    public ImageSet first(int count) {
        return subset(inOrder(Math.min(count, size())));
    }

    /**
     * Returns the same images with other labels, as label noise makes them; {@link #trueLabel} stays.
     *
     * @param newLabels one class per image, 0..{@code classes()-1}
     */
    public ImageSet withLabels(int[] newLabels) {
        if (newLabels.length != size()) {
            throw new IllegalArgumentException(newLabels.length + " labels for " + size() + " images");
        }
        checkLabels(name, newLabels, classes());
        return with(split, pixels, places, originals, newLabels.clone(), trueLabels, targets);
    }

    /** Returns the same images, in another part of the experiment. */
    public ImageSet withSplit(Split newSplit) {
        return with(newSplit, pixels, places, originals, labels, trueLabels, targets);
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
        Pixels held = new Pixels.InMemory(HostArray.wrap(changed));
        return with(split, held, inOrder(size()), originals, labels, trueLabels, targets);
    }

    /**
     * Returns the same images brought to another size and other channels each time they are asked for.
     *
     * @param fit from the original size of images on demand, from the size that they have of images in memory
     */
    public ImageSet fitted(Preprocessing fit) {
        ImageSource source = switch (pixels) {
            case Pixels.OnDemand onDemand -> onDemand.source();
            case Pixels.InMemory(HostArray bytes) -> new ImagesInMemory(name, height, width, channels, bytes);
        };
        return new ImageSet(
                name,
                split,
                fit.height(),
                fit.width(),
                fit.channels(),
                new Pixels.OnDemand(source, fit),
                places,
                originals,
                labels,
                trueLabels,
                targets,
                classNames,
                sources);
    }

    /** Returns the same set, said to be read from other files. */
    ImageSet withSources(List<SourceFile> others) {
        return new ImageSet(
                name,
                split,
                height,
                width,
                channels,
                pixels,
                places,
                originals,
                labels,
                trueLabels,
                targets,
                classNames,
                others);
    }

    /**
     * Returns the same images with numbers to predict beside, or in place of, their classes.
     *
     * @param newTargets those of all images of the set as it was read: they are looked up by {@link #originalIndex}
     * @throws UserError if there are fewer than images
     */
    public ImageSet withTargets(Targets newTargets) {
        for (int original : originals) {
            if (original >= newTargets.count()) {
                throw new UserError(name + ": there are targets of " + newTargets.count()
                        + " images, but none of image " + original + "; expected one row for each image");
            }
        }
        return with(split, pixels, places, originals, labels, trueLabels, newTargets);
    }

    /** Returns the regression targets of the set as it was read, by {@link #originalIndex}; empty for sets without. */
    public Optional<Targets> targets() {
        return Optional.ofNullable(targets);
    }

    /**
     * Returns the images of several sets one after the other, as read anew: their original indices count through all of them.
     *
     * @param sets of the same size and number of classes; the first gives name, split and class names
     * @throws UserError if they differ, or take too much memory together
     */
    public static ImageSet concatenated(List<ImageSet> sets) {
        ImageSet first = sets.getFirst();
        long count = 0;
        for (ImageSet set : sets) {
            if (set.imageLength() != first.imageLength()
                    || set.height() != first.height()
                    || set.classes() != first.classes()
                    || (set.targets == null) != (first.targets == null)) {
                throw new UserError(
                        "cannot put " + first + " and " + set + " together: expected images of one size, the"
                                + " same classes, and targets in both or neither");
            }
            count += set.size();
        }
        boolean inMemory = sets.stream().noneMatch(ImageSet::isOnDemand);
        if (count * (inMemory ? first.imageLength() : 1) > Integer.MAX_VALUE - 16) {
            throw new UserError(count + " images of " + first.name() + " take more memory together than 2 GiB");
        }
        int[] labels = new int[(int) count];
        int[] trueLabels = new int[(int) count];
        int at = 0;
        for (ImageSet set : sets) {
            System.arraycopy(set.labels, 0, labels, at, set.size());
            System.arraycopy(set.trueLabels, 0, trueLabels, at, set.size());
            at += set.size();
        }
        Pixels pixels;
        if (inMemory) {
            byte[] bytes = new byte[(int) count * first.imageLength()];
            at = 0;
            for (ImageSet set : sets) {
                for (int i = 0; i < set.size(); i++, at += set.imageLength()) {
                    set.copyImage(i, bytes, at);
                }
            }
            pixels = new Pixels.InMemory(HostArray.wrap(bytes));
        } else {
            Preprocessing fit = sets.stream()
                    .flatMap(set -> set.preprocessing().stream())
                    .findFirst()
                    .orElseThrow();
            pixels = new Pixels.OnDemand(new ImagesOfSets(sets), fit);
        }
        int[] order = inOrder((int) count);
        Targets targets = first.targets == null ? null : Targets.concatenated(sets);
        List<SourceFile> sources =
                sets.stream().flatMap(set -> set.sources.stream()).distinct().toList();
        return new ImageSet(
                first.name,
                first.split,
                first.height,
                first.width,
                first.channels,
                pixels,
                order,
                order,
                labels,
                trueLabels,
                targets,
                first.classNames,
                sources);
    }

    /** Returns a text that changes when the pixels of image {@code position} do; see {@link ImageSource#identity}. */
    String identity(int position) {
        return switch (pixels) {
            case Pixels.InMemory _ -> HexFormat.of().formatHex(sha256().digest(image(position)));
            case Pixels.OnDemand onDemand -> onDemand.source().identity(places[position]);
        };
    }

    private ImageSet with(
            Split newSplit,
            Pixels newPixels,
            int[] newPlaces,
            int[] newOriginals,
            int[] newLabels,
            int[] newTrueLabels,
            Targets newTargets) {
        return new ImageSet(
                name,
                newSplit,
                height,
                width,
                channels,
                newPixels,
                newPlaces,
                newOriginals,
                newLabels,
                newTrueLabels,
                newTargets,
                classNames,
                sources);
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
        return stratifiedSplit(fraction, seed, 0);
    }

    /** Divides as {@link #stratifiedSplit(double, long)} does, with draws of another stream for another purpose. */
    Division stratifiedSplit(double fraction, long seed, int stream) {
        checkFraction(fraction);
        boolean[] held = new boolean[size()];
        for (int c = 0; c < classes(); c++) {
            int[] members = membersOf(c);
            hold(
                    held,
                    members,
                    (int) Math.round(fraction * members.length),
                    new Philox(seed, Purpose.DATA, c, 0, stream));
        }
        return divide(held);
    }

    /**
     * Holds out a share of all images at random, whatever their classes.
     *
     * <p>Held out are the first round(fraction·n) images of an order drawn from Philox (seed, DATA, tensor 0, stream 3). Both
     * parts keep the order of this set. The held-out part is the {@link Split#VALIDATION} split.
     *
     * @param fraction share to hold out, 0..1
     */
    public Division randomSplit(double fraction, long seed) {
        checkFraction(fraction);
        boolean[] held = new boolean[size()];
        hold(held, inOrder(size()), (int) Math.round(fraction * size()), new Philox(seed, Purpose.DATA, 0, 0, 3));
        return divide(held);
    }

    /**
     * Returns a few images of every class, chosen at random, in the order of this set: the first {@code count} of an order drawn
     * from Philox (seed, DATA, tensor = class, stream 2), or all of a class that has no more.
     *
     * @param count of each class, at least 1
     */
    public ImageSet fewShot(int count, long seed) {
        if (count < 1) {
            throw new UserError(count + " images per class; expected at least 1");
        }
        boolean[] held = new boolean[size()];
        for (int c = 0; c < classes(); c++) {
            int[] members = membersOf(c);
            hold(held, members, Math.min(count, members.length), new Philox(seed, Purpose.DATA, c, 0, 2));
        }
        return divide(held).heldOut().withSplit(split);
    }

    private static void checkFraction(double fraction) {
        if (!(fraction >= 0 && fraction <= 1)) {
            throw new UserError("fraction to hold out is " + fraction + "; expected 0..1");
        }
    }

    private static void hold(boolean[] held, int[] members, int count, Philox draw) {
        int[] order = draw.permutation(members.length);
        for (int i = 0; i < count; i++) {
            held[members[order[i]]] = true;
        }
    }

    private Division divide(boolean[] held) {
        int heldCount = 0;
        for (boolean one : held) {
            heldCount += one ? 1 : 0;
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
     * then all labels as big-endian 32-bit numbers, then, in sets with regression targets, the bits of these. Of images on
     * demand, which it would take too long to decode, the identity ({@link ImageSource#identity}) and the preprocessing
     * stand for the pixels.
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
            switch (pixels) {
                case Pixels.InMemory _ -> {
                    byte[] image = new byte[imageLength()];
                    for (int i = 0; i < size(); i++) {
                        copyImage(i, image, 0);
                        digest.update(image);
                    }
                }
                case Pixels.OnDemand(ImageSource source, Preprocessing fit) -> {
                    digest.update(fit.toString().getBytes(StandardCharsets.UTF_8));
                    for (int place : places) {
                        digest.update((source.identity(place) + "\n").getBytes(StandardCharsets.UTF_8));
                    }
                }
            }
            ByteBuffer numbers = ByteBuffer.allocate(4 * labels.length);
            numbers.asIntBuffer().put(labels);
            digest.update(numbers);
            if (targets != null) {
                for (int original : originals) {
                    targets.update(digest, original);
                }
            }
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
