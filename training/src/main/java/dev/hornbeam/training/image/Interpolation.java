package dev.hornbeam.training.image;

import dev.hornbeam.training.UserError;
import java.util.Locale;

/** The filter of {@link Resampling}, on pixels; wider by the factor of reduction, so that nothing is skipped (antialiasing). */
public enum Interpolation {
    /** The triangle {@code 1 - |x|}. */
    BILINEAR(1) {
        @Override
        double weight(double x) {
            double distance = Math.abs(x);
            return distance < 1 ? 1 - distance : 0;
        }
    },
    /** The cubic convolution of Keys (1981) with a = -1/2. */
    BICUBIC(2) {
        @Override
        double weight(double x) {
            double a = -0.5;
            double d = Math.abs(x);
            if (d < 1) {
                return ((a + 2) * d - (a + 3)) * d * d + 1;
            }
            return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
        }
    },
    /** The mean of all pixels that a pixel of the result covers. */
    BOX(0.5) {
        @Override
        double weight(double x) {
            return x > -0.5 && x <= 0.5 ? 1 : 0;
        }
    },
    /** The sinc function in a window of three of its lobes (Duchon 1979). */
    LANCZOS(3) {
        @Override
        double weight(double x) {
            return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
        }
    };

    private final double radius;

    Interpolation(double radius) {
        this.radius = radius;
    }

    /**
     * Reads {@code bilinear}, {@code bicubic}, {@code box} or {@code lanczos}.
     *
     * @throws UserError if it is none of them
     */
    public static Interpolation parse(String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "bilinear" -> BILINEAR;
            case "bicubic" -> BICUBIC;
            case "box" -> BOX;
            case "lanczos" -> LANCZOS;
            default ->
                throw new UserError("interpolation \"" + text + "\"; expected bilinear, bicubic, box or lanczos");
        };
    }

    /** Returns the text that {@link #parse} reads. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Beyond this distance the weight is 0. */
    double radius() {
        return radius;
    }

    /** The weight of a pixel at distance x from the centre. */
    abstract double weight(double x);

    private static double sinc(double x) {
        double angle = Math.PI * x;
        return x == 0 ? 1 : StrictMath.sin(angle) / angle;
    }
}
