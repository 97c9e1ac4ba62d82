package dev.hornbeam.models;

import dev.hornbeam.tensor.Tensor;

/**
 * Positions of the patches of an image, row by row: fixed ones, and learned ones for another number of patches than they
 * were learned for.
 */
public final class PositionGrid {
    private static final double TEMPERATURE = 10_000;

    /** How learned positions are interpolated; in both without a filter against aliasing and without aligned corners. */
    public enum Interpolation {
        /** From the two nearest in each direction. */
        BILINEAR(1) {
            @Override
            double weight(double distance) {
                return Math.max(0, 1 - distance);
            }
        },
        /** From the four nearest in each direction (Keys 1981, with PyTorch's a = -0.75): what timm and its likes do. */
        BICUBIC(2) {
            @Override
            double weight(double distance) {
                double d = distance;
                if (d >= 2) {
                    return 0;
                }
                return d <= 1
                        ? ((SHARPNESS + 2) * d - (SHARPNESS + 3)) * d * d + 1
                        : ((SHARPNESS * d - 5 * SHARPNESS) * d + 8 * SHARPNESS) * d - 4 * SHARPNESS;
            }
        };

        private static final double SHARPNESS = -0.75;

        /** How far away a place may be that still counts. */
        private final int reach;

        Interpolation(int reach) {
            this.reach = reach;
        }

        abstract double weight(double distance);

        // Of every one of `from` places, for each of `to` places; beyond the border stands its value.
        private double[][] weights(int from, int to) {
            double[][] weights = new double[to][from];
            for (int i = 0; i < to; i++) {
                double at = (i + 0.5) * from / to - 0.5;
                if (this == BILINEAR) {
                    at = Math.max(at, 0);
                }
                int first = (int) Math.floor(at) - reach + 1;
                for (int place = first; place < first + 2 * reach; place++) {
                    weights[i][Math.clamp(place, 0, from - 1)] += weight(Math.abs(at - place));
                }
            }
            return weights;
        }
    }

    private PositionGrid() {}

    /**
     * The fixed positions of MoCo v3, which Beyer et al. 2022 use: sines and cosines of the column, then of the row, at dim / 4
     * frequencies from 1 down to 1/10,000.
     *
     * @param dim a multiple of 4, at least 8
     * @return [height * width, dim], of type f64 on the CPU
     */
    public static Tensor sinCos(int height, int width, int dim) {
        int quarter = quarter(dim);
        double[] positions = new double[height * width * dim];
        int at = 0;
        for (int row = 0; row < height; row++) {
            for (int column = 0; column < width; column++) {
                for (int i = 0; i < quarter; i++) {
                    double frequency = 1 / Math.pow(TEMPERATURE, (double) i / (quarter - 1));
                    positions[at + i] = Math.sin(column * frequency);
                    positions[at + quarter + i] = Math.cos(column * frequency);
                    positions[at + 2 * quarter + i] = Math.sin(row * frequency);
                    positions[at + 3 * quarter + i] = Math.cos(row * frequency);
                }
                at += dim;
            }
        }
        return Tensor.of(positions, (long) height * width, dim);
    }

    /** A quarter of a size that {@link #sinCos} can have. */
    static int quarter(int dim) {
        if (dim < 8 || dim % 4 != 0) {
            throw new IllegalArgumentException(
                    "width is " + dim + "; sine and cosine positions need a multiple of 4, at least 8");
        }
        return dim / 4;
    }

    /**
     * What makes positions of one grid out of those of another: multiplied from the left with positions [h * w, dim] it gives
     * [toHeight * toWidth, dim], like PyTorch's {@code interpolate} without {@code align_corners} and {@code antialias}.
     *
     * @return [toHeight * toWidth, height * width], of type f64 on the CPU
     */
    public static Tensor interpolation(int height, int width, int toHeight, int toWidth, Interpolation kind) {
        double[][] rows = kind.weights(height, toHeight);
        double[][] columns = kind.weights(width, toWidth);
        double[] weights = new double[toHeight * toWidth * height * width];
        int at = 0;
        for (double[] row : rows) {
            for (double[] column : columns) {
                for (double ofRow : row) {
                    for (double ofColumn : column) {
                        weights[at++] = ofRow * ofColumn;
                    }
                }
            }
        }
        return Tensor.of(weights, (long) toHeight * toWidth, (long) height * width);
    }
}
