package dev.hornbeam.training.augmentation;

import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.data.Preparation;
import dev.hornbeam.training.image.Interpolation;
import dev.hornbeam.training.image.PixelImage;
import dev.hornbeam.training.random.DrawSequence;
import java.util.ArrayList;
import java.util.List;

/**
 * Random changes to training images, one after the other, and normalisation.
 *
 * <p>In this order, each if it is asked for: a crop (of a random part, scaled to the network's size, or of the padded image); a
 * mirror image; RandAugment; AugMix; colour jitter; normalisation; erasing. Everything before normalisation works on 8 bits.
 *
 * <p>Draws come from Philox (seed, AUGMENT, tensor = original index of the image, step = epoch), each change from a stream of its own: 0
 * padded crop (element 0 row, 1 column) and mirror (element 2), as {@link dev.hornbeam.training.data.Augmentation}; 1 crop of a
 * part; 2 RandAugment; 3 AugMix; 4 colour jitter; 5 erasing. So they do not depend on batch size, order or threads, and one
 * change draws the same whichever others there are.
 *
 * <p>Any number of threads may use one object; each takes memory once.
 */
public final class AugmentationPipeline implements Preparation {
    private static final int PLACE = 0;
    private static final int PART = 1;
    private static final int RAND_AUGMENT = 2;
    private static final int AUG_MIX = 3;
    private static final int JITTER = 4;
    private static final int ERASING = 5;

    /** Which changes there are. */
    public static final class Builder {
        private final Normalization normalization;
        private final long seed;
        private int padding;
        private boolean flip;
        private InceptionCrop part;
        private Interpolation interpolation = Interpolation.BILINEAR;
        private RandAugment randAugment;
        private AugMix augMix;
        private ColourJitter jitter;
        private RandomErasing erasing;

        private Builder(Normalization normalization, long seed) {
            this.normalization = normalization;
            this.seed = seed;
        }

        /**
         * Crops the image, padded with so many black pixels on every side, back to its size.
         *
         * @throws UserError if it is not 0..1024
         */
        public Builder pad(int pixels) {
            if (pixels < 0 || pixels > 1024) {
                throw new UserError("padding of " + pixels + " pixels for random crops; expected 0..1024");
            }
            padding = pixels;
            return this;
        }

        /** Mirrors left and right with probability 1/2. */
        public Builder flip() {
            flip = true;
            return this;
        }

        /** Crops a random part and scales it to the set's size. */
        public Builder inceptionCrop(InceptionCrop crop, Interpolation scaling) {
            part = crop;
            interpolation = scaling;
            return this;
        }

        /**
         * Applies so many random operations of that level.
         *
         * @throws UserError if there is none, or the level is not 0..30
         */
        public Builder randAugment(int operations, int level) {
            randAugment = new RandAugment(operations, level);
            return this;
        }

        /**
         * Mixes the image with chains of operations.
         *
         * @param severity bound of the levels, 1..10
         * @param width number of chains, at least 1
         * @param depth operations of each; 0 draws 1 to 3
         * @param alpha of the distributions of the weights, above 0
         * @throws UserError if one is out of range
         */
        public Builder augMix(int severity, int width, int depth, double alpha) {
            augMix = new AugMix(severity, width, depth, alpha);
            return this;
        }

        /**
         * Changes brightness, contrast and saturation by factors of 1 ± the given spreads, and the hue by up to {@code hue} of
         * the circle.
         *
         * @throws UserError if one is negative, or the hue above 0.5
         */
        public Builder colourJitter(double brightness, double contrast, double saturation, double hue) {
            jitter = new ColourJitter(brightness, contrast, saturation, hue);
            return this;
        }

        /** Erases a rectangle. */
        public Builder erasing(RandomErasing newErasing) {
            erasing = newErasing;
            return this;
        }

        /**
         * Makes the pipeline.
         *
         * @throws UserError if there are two kinds of crop
         */
        public AugmentationPipeline build() {
            if (part != null && padding > 0) {
                throw new UserError("two random crops, of a part and of the padded image; choose one");
            }
            return new AugmentationPipeline(this, 0);
        }
    }

    private record Stage(int stream, Transform transform) {}

    private final Builder settings;
    private final float[] table;
    private final List<Stage> stages;
    private final int view;

    private AugmentationPipeline(Builder settings, int view) {
        this.settings = settings;
        this.table = settings.normalization.table();
        this.view = view;
        List<Stage> chosen = new ArrayList<>();
        if (settings.randAugment != null) {
            chosen.add(new Stage(RAND_AUGMENT, settings.randAugment));
        }
        if (settings.augMix != null) {
            chosen.add(new Stage(AUG_MIX, settings.augMix));
        }
        if (settings.jitter != null) {
            chosen.add(new Stage(JITTER, settings.jitter));
        }
        stages = List.copyOf(chosen);
    }

    /**
     * Begins with a pipeline that only normalises.
     *
     * @param seed the run's seed
     */
    public static Builder of(Normalization normalization, long seed) {
        return new Builder(normalization, seed);
    }

    /** Returns the same pipeline with other draws, for a second view of the same image: 0 is the usual one. */
    public AugmentationPipeline withView(int newView) {
        return new AugmentationPipeline(settings, newView);
    }

    @Override
    public void prepare(ImageSet set, int position, int epoch, float[] out, int offset, byte[] scratch) {
        int channels = settings.normalization.channels();
        if (set.channels() != channels) {
            throw new UserError(set.name() + ": images have " + set.channels() + " channels, but mean and standard"
                    + " deviation are given for " + channels);
        }
        Workspace workspace = Workspace.ofThread();
        Canvas image = workspace.image();
        int index = set.originalIndex(position);
        set.copyImage(position, image.begin(set.width(), set.height(), channels), 0);
        change(workspace, index, epoch, set.width(), set.height());
        normalise(image, out, offset);
        erase(workspace, index, epoch, out, offset);
    }

    /**
     * Returns an image as training sees it in an epoch, before normalisation: for people to look at. Erased rectangles
     * show as well, rounded to 8 bits.
     *
     * @param image of 1 or 3 channels, as many as are normalised
     * @param index original index of the image in its set
     * @param width of the result where a part is cropped; otherwise the image keeps its size
     */
    public PixelImage augment(PixelImage image, int index, int epoch, int width, int height) {
        Workspace workspace = Workspace.ofThread();
        Canvas canvas = workspace.image();
        canvas.load(image);
        change(workspace, index, epoch, width, height);
        if (settings.erasing != null) {
            float[] values = new float[canvas.length()];
            normalise(canvas, values, 0);
            erase(workspace, index, epoch, values, 0);
            denormalise(values, canvas);
        }
        return canvas.toImage();
    }

    private DrawSequence draws(Workspace workspace, int stream, int index, int epoch) {
        return workspace.draws().begin(settings.seed, Purpose.AUGMENT, index, epoch, view << 4 | stream);
    }

    private void change(Workspace workspace, int index, int epoch, int width, int height) {
        Canvas image = workspace.image();
        if (settings.part != null) {
            crop(workspace, index, epoch, width, height);
        }
        if (settings.padding > 0 || settings.flip) {
            DrawSequence draws = draws(workspace, PLACE, index, epoch);
            int top = draws.below(2 * settings.padding + 1) - settings.padding;
            int left = draws.below(2 * settings.padding + 1) - settings.padding;
            if (settings.padding > 0) {
                Geometry.window(image, left, top, image.width(), image.height());
            }
            if (settings.flip && draws.coin()) {
                Geometry.flip(image);
            }
        }
        for (Stage stage : stages) {
            stage.transform().apply(image, draws(workspace, stage.stream(), index, epoch), workspace);
        }
    }

    private void crop(Workspace workspace, int index, int epoch, int width, int height) {
        Canvas image = workspace.image();
        InceptionCrop.Box box = settings.part.draw(image.width(), image.height(), draws(workspace, PART, index, epoch));
        byte[] target = image.spare(Math.multiplyExact(width * height, image.channels()));
        workspace
                .resampler()
                .resize(
                        image.pixels(),
                        image.width(),
                        image.channels(),
                        box.left(),
                        box.top(),
                        box.width(),
                        box.height(),
                        width,
                        height,
                        settings.interpolation,
                        target);
        image.swap(width, height);
    }

    private void normalise(Canvas image, float[] out, int offset) {
        byte[] pixels = image.pixels();
        int channels = image.channels();
        int length = image.length();
        for (int c = 0; c < channels; c++) {
            int entry = 256 * c;
            for (int i = c; i < length; i += channels) {
                out[offset + i] = table[entry + (pixels[i] & 0xff)];
            }
        }
    }

    private void erase(Workspace workspace, int index, int epoch, float[] out, int offset) {
        if (settings.erasing != null) {
            Canvas image = workspace.image();
            settings.erasing.apply(
                    out,
                    offset,
                    image.width(),
                    image.height(),
                    image.channels(),
                    draws(workspace, ERASING, index, epoch));
        }
    }

    private void denormalise(float[] values, Canvas image) {
        byte[] pixels = image.pixels();
        for (int i = 0; i < values.length; i++) {
            int c = i % image.channels();
            double value = values[i] * settings.normalization.std().get(c)
                    + settings.normalization.mean().get(c);
            pixels[i] = (byte) Math.clamp(Math.round(value * 255), 0, 255);
        }
    }
}
