package dev.hornbeam.training.corruption.build;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.image.Background;
import dev.hornbeam.training.image.Interpolation;
import dev.hornbeam.training.image.PixelImage;
import dev.hornbeam.training.image.Preprocessing;
import dev.hornbeam.training.image.Resize;

/**
 * What is done to an image file before it is corrupted: nothing, or the shorter side is resized (bilinear, with
 * antialiasing) and a square is cut out of the centre. ImageNet-C was made of images resized to 256 and cut to 224.
 *
 * @param resize pixels of the shorter side, 0 to leave images as they are
 * @param crop side of the square, at most {@code resize}; 0 where nothing is resized
 */
public record Fitting(int resize, int crop) {
    /** Images stay as they are. */
    public static final Fitting NONE = new Fitting(0, 0);

    private static final int LARGEST = 1 << 14;

    /**
     * Checks the sizes.
     *
     * @throws UserError if a side is out of range or the square larger than the image
     */
    public Fitting {
        if (resize < 0 || resize > LARGEST || crop < 0 || crop > resize || (crop == 0) != (resize == 0)) {
            throw new UserError("resize to " + resize + " pixels and crop " + crop + "; expected 1.." + LARGEST
                    + " for both, and a crop of at most the shorter side");
        }
    }

    static Fitting parse(String text) {
        if (text.equals("none")) {
            return NONE;
        }
        String[] numbers = text.split("/", -1);
        return new Fitting(Integer.parseInt(numbers[0]), Integer.parseInt(numbers[1]));
    }

    /** Returns {@code none} or {@code RESIZE/CROP}. */
    @Override
    public String toString() {
        return resize == 0 ? "none" : resize + "/" + crop;
    }

    PixelImage apply(PixelImage image) {
        return resize == 0
                ? image
                : new Preprocessing(
                                crop,
                                crop,
                                image.channels(),
                                new Resize.ShorterSide(resize),
                                Interpolation.BILINEAR,
                                Background.WHITE)
                        .apply(image);
    }
}
