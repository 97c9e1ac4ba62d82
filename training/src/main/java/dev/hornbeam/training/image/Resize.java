package dev.hornbeam.training.image;

import dev.hornbeam.training.UserError;

/** How an image of any shape becomes one of the network's. */
public sealed interface Resize {
    /** To the network's height and width, whatever that does to the proportions. */
    record Stretch() implements Resize {
        @Override
        public String toString() {
            return "stretch";
        }
    }

    /**
     * So that the shorter side has that many pixels and the proportions stay; the network sees the centre.
     *
     * @param pixels of the shorter side
     */
    record ShorterSide(int pixels) implements Resize {
        /** Checks the size. */
        public ShorterSide {
            if (pixels < 1 || pixels > 1 << 14) {
                throw new UserError("shorter side of " + pixels + " pixels; expected 1.." + (1 << 14));
            }
        }

        @Override
        public String toString() {
            return Integer.toString(pixels);
        }
    }

    /**
     * Reads {@code stretch}, or the pixels of the shorter side.
     *
     * @throws UserError if it is neither
     */
    static Resize parse(String text) {
        if (text.equals("stretch")) {
            return new Stretch();
        }
        try {
            return new ShorterSide(Integer.parseInt(text));
        } catch (NumberFormatException e) {
            throw new UserError(
                    "resize \"" + text + "\"; expected stretch, or the pixels of the shorter side as in 256", e);
        }
    }
}
