package dev.hornbeam.training.noise;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.data.Targets;
import dev.hornbeam.training.noise.LabelNoise.Choice;
import java.util.List;
import java.util.Locale;

/** The ways of making a share of the targets of a regression wrong; the adversaries of PRL (Liu et al. 2021) among them. */
public enum TargetNoise {
    /** Adds normal noise of {@code size} standard deviations of the column. */
    GAUSSIAN,
    /**
     * A wrong linear function of the image: x A with x the scaled pixels and A normal numbers, brought to the mean and the
     * deviation of the column.
     */
    LINEAR,
    /** The negative. */
    SIGN,
    /** Itself or its negative, each with probability 1/2 and for each column. */
    RANDOM_SIGN,
    /** Adds or takes away {@code size} standard deviations of the column. */
    OFFSET,
    /** A uniform number from {@code -size} to {@code size}. */
    UNIFORM,
    /** The row moved on by one column, the last to the first. */
    ROTATE,
    /** One of linear, sign, uniform and rotate, drawn for each image. */
    MIXTURE;

    private static final List<TargetNoise> MIXED = List.of(LINEAR, SIGN, UNIFORM, ROTATE);

    /** Returns the name as users write it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /**
     * Targets after noise.
     *
     * @param clean the targets before it
     * @param noisy the targets to train with
     * @param chosen positions in the set of the images whose targets were replaced, rising
     */
    public record Result(Targets clean, Targets noisy, List<Integer> chosen) {
        /** Keeps its own copy. */
        public Result {
            chosen = List.copyOf(chosen);
        }
    }

    /**
     * Returns noisy targets for the images of {@code set}; those of other images stay.
     *
     * <p>Columns have mean and deviation over the images of the set.
     *
     * @param set images with targets
     * @param rate share of the images, 0 to 1
     * @param size how large the noise is, where a kind has a size; at least 0
     * @throws UserError if the set has no targets, or rate or size are out of range
     */
    public Result apply(ImageSet set, double rate, double size, Choice choice, long seed) {
        Targets clean = set.targets()
                .orElseThrow(() -> new UserError(set.name() + ": has no regression targets to put noise on"));
        if (!(size >= 0 && Double.isFinite(size))) {
            throw new UserError("noise of regression targets of size " + size + "; expected a number of at least 0");
        }
        boolean[] chosen = LabelDraws.choose(set, rate, choice, seed);
        List<Integer> positions = java.util.stream.IntStream.range(0, chosen.length)
                .filter(i -> chosen[i])
                .boxed()
                .toList();
        int columns = clean.length();
        double[][] moments = moments(set, clean);
        LinearMap map = this == LINEAR || this == MIXTURE ? new LinearMap(set, columns, seed) : null;
        float[] values = clean.values();
        for (int position : positions) {
            int index = set.originalIndex(position);
            float[] row = clean.row(index);
            TargetNoise kind = this == MIXTURE
                    ? MIXED.get(NoiseDraw.of(seed, NoiseDraw.MIXTURE).below(index, MIXED.size()))
                    : this;
            double[] linear = kind == LINEAR ? map.of(position) : null;
            Philox draw = NoiseDraw.of(seed, NoiseDraw.TARGET, index);
            for (int c = 0; c < columns; c++) {
                double deviation = moments[1][c];
                values[index * columns + c] = (float)
                        switch (kind) {
                            case GAUSSIAN -> row[c] + size * deviation * draw.normal(c);
                            case LINEAR -> moments[0][c] + deviation * linear[c];
                            case SIGN -> -row[c];
                            case RANDOM_SIGN -> draw.below(c, 2) == 0 ? row[c] : -row[c];
                            case OFFSET -> row[c] + (draw.below(c, 2) == 0 ? size : -size) * deviation;
                            case UNIFORM -> size * (2 * draw.uniform(c) - 1);
                            case ROTATE -> row[(c + columns - 1) % columns];
                            case MIXTURE -> throw new AssertionError("a mixture is of other kinds");
                        };
            }
        }
        return new Result(clean, Targets.of(clean.names(), values), positions);
    }

    private static double[][] moments(ImageSet set, Targets targets) {
        int columns = targets.length();
        double[][] moments = new double[2][columns];
        for (int i = 0; i < set.size(); i++) {
            float[] row = targets.row(set.originalIndex(i));
            for (int c = 0; c < columns; c++) {
                moments[0][c] += row[c] / (double) set.size();
            }
        }
        for (int i = 0; i < set.size(); i++) {
            float[] row = targets.row(set.originalIndex(i));
            for (int c = 0; c < columns; c++) {
                double d = row[c] - moments[0][c];
                moments[1][c] += d * d / set.size();
            }
        }
        for (int c = 0; c < columns; c++) {
            moments[1][c] = Math.sqrt(moments[1][c]);
        }
        return moments;
    }

    /** A random linear function of scaled pixels, with mean 0 and deviation 1 over uncorrelated pixels. */
    private static final class LinearMap {
        private final ImageSet set;
        private final int columns;
        private final Normalization scale;
        private final float[] weights;

        LinearMap(ImageSet set, int columns, long seed) {
            this.set = set;
            this.columns = columns;
            this.scale = Normalization.of(set);
            this.weights = new float[Math.multiplyExact(set.imageLength(), columns)];
            NoiseDraw.of(seed, NoiseDraw.TARGET_MAP).normals(0, weights);
        }

        double[] of(int position) {
            byte[] image = set.image(position);
            double[] row = new double[columns];
            int channels = set.channels();
            for (int k = 0; k < image.length; k++) {
                double x = ((image[k] & 0xff) / 255.0 - scale.mean().get(k % channels))
                        / scale.std().get(k % channels);
                for (int c = 0; c < columns; c++) {
                    row[c] += x * weights[k * columns + c];
                }
            }
            for (int c = 0; c < columns; c++) {
                row[c] /= Math.sqrt(image.length);
            }
            return row;
        }
    }
}
