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
    };

    private final double radius;

    Interpolation(double radius) {
        this.radius = radius;
    }

    /**
     * Reads {@code bilinear} or {@code bicubic}.
     *
     * @throws UserError if it is neither
     */
    public static Interpolation parse(String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "bilinear" -> BILINEAR;
            case "bicubic" -> BICUBIC;
            default -> throw new UserError("interpolation \"" + text + "\"; expected bilinear or bicubic");
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
}
