package dev.hornbeam.training.corruption;

import dev.hornbeam.training.NearestNames;
import dev.hornbeam.training.UserError;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The three published sets of severity constants, made for images of different size. */
public enum ConstantSet {
    /** For images of about 32 pixels: CIFAR-10-C. */
    CIFAR,
    /** For images of about 64 pixels: Tiny-ImageNet-C. */
    TINY,
    /** For images of about 224 pixels: ImageNet-C. */
    IMAGENET;

    /** Returns the set for images whose longer side is at most 48 (cifar), at most 128 (tiny) or longer (imagenet). */
    public static ConstantSet forSize(int height, int width) {
        int side = Math.max(height, width);
        return side <= 48 ? CIFAR : side <= 128 ? TINY : IMAGENET;
    }

    /**
     * Returns the set called {@code name}.
     *
     * @throws UserError if there is none
     */
    public static ConstantSet named(String name) {
        for (ConstantSet set : values()) {
            if (set.label().equals(name.toLowerCase(Locale.ROOT))) {
                return set;
            }
        }
        List<String> known = Arrays.stream(values()).map(ConstantSet::label).toList();
        throw new UserError("unknown set of corruption constants '" + name + "'; known: " + String.join(", ", known)
                + NearestNames.didYouMean(name, known));
    }

    /** Returns the name as users write it: cifar, tiny or imagenet. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
