package dev.hornbeam.training.augmentation;

import java.util.Locale;

/**
 * The fourteen changes that RandAugment chooses from, with the magnitudes of torchvision.
 *
 * <p>A magnitude is an amount in the operation's own unit, which each constant names. {@link #apply} gives the bytes that
 * torchvision gives for images of Pillow.
 */
public enum Operation {
    /** Nothing. */
    IDENTITY(false) {
        @Override
        double magnitudeAt(int level, int width, int height) {
            return 0;
        }

        @Override
        void apply(Canvas image, double magnitude, boolean smooth) {
            // The image stays.
        }
    },
    /** Rows are moved by the magnitude times their number, to the left; up to 0.3. */
    SHEAR_X(true) {
        @Override
        double magnitudeAt(int level, int width, int height) {
            return at(level, 0, 0.3f);
        }

        @Override
        void apply(Canvas image, double magnitude, boolean smooth) {
            Geometry.shearX(image, magnitude, smooth);
        }
    },
    /** Columns are moved by the magnitude times their number, upwards; up to 0.3. */
    SHEAR_Y(true) {
        @Override
        double magnitudeAt(int level, int width, int height) {
            return at(level, 0, 0.3f);
        }

        @Override
        void apply(Canvas image, double magnitude, boolean smooth) {
            Geometry.shearY(image, magnitude, smooth);
        }
    },
    /** Moves to the right by whole pixels, up to 150/331 of the width. */
    TRANSLATE_X(true) {
        @Override
        double magnitudeAt(int level, int width, int height) {
            return at(level, 0, (float) (150.0 / 331.0 * width));
        }

        @Override
        void apply(Canvas image, double magnitude, boolean smooth) {
            Geometry.window(image, -(int) magnitude, 0, image.width(), image.height());
        }
    },
    /** Moves downwards by whole pixels, up to 150/331 of the height. */
    TRANSLATE_Y(true) {
        @Override
        double magnitudeAt(int level, int width, int height) {
            return at(level, 0, (float) (150.0 / 331.0 * height));
        }

        @Override
        void apply(Canvas image, double magnitude, boolean smooth) {
            Geometry.window(image, 0, -(int) magnitude, image.width(), image.height());
        }
    },
    /** Turns counterclockwise by degrees, up to 30. */
    ROTATE(true) {
        @Override
        double magnitudeAt(int level, int width, int height) {
            return at(level, 0, 30);
        }

        @Override
        void apply(Canvas image, double magnitude, boolean smooth) {
            Geometry.rotate(image, magnitude, smooth);
        }
    },
    /** Away from black, by a share of up to 0.9; below 0 towards it. */
    BRIGHTNESS(true) {
        @Override
        double magnitudeAt(int level, int width, int height) {
            return at(level, 0, 0.9f);
        }

        @Override
        void apply(Canvas image, double magnitude, boolean smooth) {
            Tones.brightness(image, (float) (1 + magnitude));
        }
    },
    /** Away from grey, by a share of up to 0.9; below 0 towards it. */
    COLOUR(true) {
        @Override
        double magnitudeAt(int level, int width, int height) {
            return at(level, 0, 0.9f);
        }

        @Override
        void apply(Canvas image, double magnitude, boolean smooth) {
            Tones.colour(image, (float) (1 + magnitude));
        }
    },
    /** Away from the image's mean grey, by a share of up to 0.9; below 0 towards it. */
    CONTRAST(true) {
        @Override
        double magnitudeAt(int level, int width, int height) {
            return at(level, 0, 0.9f);
        }

        @Override
        void apply(Canvas image, double magnitude, boolean smooth) {
            Tones.contrast(image, (float) (1 + magnitude));
        }
    },
    /** Away from the smoothed image, by a share of up to 0.9; below 0 towards it. */
    SHARPNESS(true) {
        @Override
        double magnitudeAt(int level, int width, int height) {
            return at(level, 0, 0.9f);
        }

        @Override
        void apply(Canvas image, double magnitude, boolean smooth) {
            Tones.sharpness(image, (float) (1 + magnitude));
        }
    },
    /** Keeps as many bits as the magnitude says, 8 down to 4. */
    POSTERIZE(false) {
        @Override
        double magnitudeAt(int level, int width, int height) {
            return 8 - Math.rint(level / ((LEVELS - 1) / 4.0));
        }

        @Override
        void apply(Canvas image, double magnitude, boolean smooth) {
            Tones.posterize(image, (int) magnitude);
        }
    },
    /** Inverts values from the magnitude on, 255 down to 0. */
    SOLARIZE(false) {
        @Override
        double magnitudeAt(int level, int width, int height) {
            return at(level, 255, 0);
        }

        @Override
        void apply(Canvas image, double magnitude, boolean smooth) {
            Tones.solarize(image, magnitude);
        }
    },
    /** Stretches each channel to the whole range. */
    AUTO_CONTRAST(false) {
        @Override
        double magnitudeAt(int level, int width, int height) {
            return 0;
        }

        @Override
        void apply(Canvas image, double magnitude, boolean smooth) {
            Tones.autoContrast(image);
        }
    },
    /** Makes the values of each channel equally frequent. */
    EQUALIZE(false) {
        @Override
        double magnitudeAt(int level, int width, int height) {
            return 0;
        }

        @Override
        void apply(Canvas image, double magnitude, boolean smooth) {
            Tones.equalize(image);
        }
    };

    /** The number of levels of RandAugment: 0 to 30. */
    public static final int LEVELS = 31;

    private static final Operation[] ALL = values();

    private final boolean signed;

    Operation(boolean signed) {
        this.signed = signed;
    }

    /** Returns the number of operations. */
    public static int count() {
        return ALL.length;
    }

    /** Returns the operation of that number, in the order in which they are written here. */
    public static Operation of(int number) {
        return ALL[number];
    }

    /** Whether the magnitude may be below 0 as well. */
    public boolean isSigned() {
        return signed;
    }

    /**
     * Returns the magnitude of a level, in f32, for images of that size.
     *
     * @param level 0 to 30
     */
    public double magnitude(int level, int width, int height) {
        if (level < 0 || level >= LEVELS) {
            throw new IllegalArgumentException("level " + level + "; expected 0.." + (LEVELS - 1));
        }
        return magnitudeAt(level, width, height);
    }

    /** Changes the image; moved pixels are the nearest ones. */
    public void apply(Canvas image, double magnitude) {
        apply(image, magnitude, false);
    }

    /** The magnitude of a level from 0 to 30. */
    abstract double magnitudeAt(int level, int width, int height);

    /**
     * Changes the image.
     *
     * @param smooth moved pixels are means of four, not the nearest one
     */
    abstract void apply(Canvas image, double magnitude, boolean smooth);

    // The same distance from both ends, as torch.linspace has it.
    private static float at(int level, float first, float last) {
        float step = (last - first) / (LEVELS - 1);
        return level < LEVELS / 2 ? first + step * level : last - step * (LEVELS - 1 - level);
    }

    /** Returns the name in lower case with hyphens, as in {@code shear-x}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
