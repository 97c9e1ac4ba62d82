package dev.hornbeam.training.corruption;

/**
 * Noise with a spectrum: the real part of the inverse Fourier transform of given sizes with random phases.
 *
 * <p>The field is a square; the phases are uniform, those of the right half of the spectrum being those of the left half
 * in reverse order; the result is divided by its standard deviation.
 */
final class SpectralNoise {
    private SpectralNoise() {}

    /** The size of a wave by its distance from the centre of the spectrum. */
    @FunctionalInterface
    interface Spectrum {
        double size(double squaredDistance);
    }

    /** Returns how many uniform numbers a field takes. */
    static int draws(int side) {
        return side * (side / 2) + (side % 2 == 1 ? side / 2 : 0);
    }

    /** Fills {@code field} with noise; {@code drawn} holds its uniform numbers from {@code first} on. */
    static void fill(float[] field, int side, Spectrum spectrum, float[] drawn, int first) {
        int half = side / 2;
        double[] real = new double[side * side];
        double[] imaginary = new double[side * side];
        double centre = side / 2.0;
        for (int row = 0; row < side; row++) {
            for (int column = 0; column < side; column++) {
                double phase = 2 * Math.PI * uniform(row, column, side, half, drawn, first);
                double down = row - centre;
                double right = column - centre;
                double size = spectrum.size(down * down + right * right);
                int at = (row + half) % side * side + (column + half) % side;
                real[at] = size * StrictMath.cos(phase);
                imaginary[at] = size * StrictMath.sin(phase);
            }
        }
        Fourier fourier = new Fourier(side);
        for (int row = 0; row < side; row++) {
            fourier.transform(real, imaginary, row * side, 1);
        }
        for (int column = 0; column < side; column++) {
            fourier.transform(real, imaginary, column, side);
        }
        double sum = 0;
        double squares = 0;
        for (double value : real) {
            sum += value;
            squares += value * value;
        }
        double mean = sum / real.length;
        double deviation = Math.sqrt(squares / real.length - mean * mean);
        for (int i = 0; i < real.length; i++) {
            field[i] = deviation == 0 ? 0 : (float) (real[i] / deviation);
        }
    }

    private static float uniform(int row, int column, int side, int half, float[] drawn, int first) {
        if (column < half) {
            return drawn[first + row * half + column];
        }
        if (side % 2 == 1 && column == half) {
            // An odd side has a middle column, with its own numbers above the middle and those in reverse order below.
            int distance = Math.min(row, side - 1 - row);
            return row == half ? 0 : drawn[first + side * half + distance];
        }
        return drawn[first + (side - 1 - row) * half + (side - 1 - column)];
    }

    /** Fourier transforms of one length, by the decomposition into its prime factors (Cooley and Tukey, 1965). */
    private static final class Fourier {
        private final int length;
        private final double[] cosine;
        private final double[] sine;
        private final double[] inReal;
        private final double[] inImaginary;
        private final double[] outReal;
        private final double[] outImaginary;
        private final double[] partReal;
        private final double[] partImaginary;

        Fourier(int length) {
            this.length = length;
            cosine = new double[length];
            sine = new double[length];
            for (int i = 0; i < length; i++) {
                cosine[i] = StrictMath.cos(2 * Math.PI * i / length);
                sine[i] = StrictMath.sin(2 * Math.PI * i / length);
            }
            inReal = new double[length];
            inImaginary = new double[length];
            outReal = new double[length];
            outImaginary = new double[length];
            partReal = new double[length];
            partImaginary = new double[length];
        }

        /** Transforms, inversely and without dividing by the length, the values that are a step apart. */
        void transform(double[] real, double[] imaginary, int first, int step) {
            for (int i = 0; i < length; i++) {
                inReal[i] = real[first + i * step];
                inImaginary[i] = imaginary[first + i * step];
            }
            part(0, 1, length, 0);
            for (int i = 0; i < length; i++) {
                real[first + i * step] = outReal[i];
                imaginary[first + i * step] = outImaginary[i];
            }
        }

        // Of `count` inputs from `from` on, `stride` apart, to the outputs from `to` on.
        private void part(int from, int stride, int count, int to) {
            if (count == 1) {
                outReal[to] = inReal[from];
                outImaginary[to] = inImaginary[from];
                return;
            }
            int factor = 2;
            while (count % factor != 0) {
                factor++;
            }
            int rest = count / factor;
            for (int i = 0; i < factor; i++) {
                part(from + i * stride, stride * factor, rest, to + i * rest);
            }
            int turn = length / count;
            for (int k = 0; k < count; k++) {
                double sumReal = 0;
                double sumImaginary = 0;
                for (int i = 0; i < factor; i++) {
                    int at = to + i * rest + k % rest;
                    int angle = i * k % count * turn;
                    sumReal += outReal[at] * cosine[angle] - outImaginary[at] * sine[angle];
                    sumImaginary += outReal[at] * sine[angle] + outImaginary[at] * cosine[angle];
                }
                partReal[k] = sumReal;
                partImaginary[k] = sumImaginary;
            }
            System.arraycopy(partReal, 0, outReal, to, count);
            System.arraycopy(partImaginary, 0, outImaginary, to, count);
        }
    }
}
