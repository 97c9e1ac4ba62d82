package dev.hornbeam.training.corruption.build;

import dev.hornbeam.training.UserFile;
import dev.hornbeam.training.corruption.ConstantSet;
import dev.hornbeam.training.corruption.CorruptedImages;
import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.image.Background;
import dev.hornbeam.training.image.ImageDecoder;
import dev.hornbeam.training.image.PixelImage;
import java.nio.file.Path;
import java.util.Optional;

/**
 * One image file that is corrupted to others; its draws are those of the first image of a set.
 *
 * @param pixels of the image, as they are corrupted
 * @param seed of the random draws
 * @param constants which published constants to use; empty to choose by the image's size
 */
public record SingleImage(PixelImage pixels, long seed, Optional<ConstantSet> constants) {
    /**
     * Reads an image.
     *
     * @throws dev.hornbeam.training.UserError if it cannot be read
     */
    public static SingleImage read(Path file, Fitting fitting, long seed, Optional<ConstantSet> constants) {
        return new SingleImage(fitting.apply(new ImageDecoder(Background.WHITE).decode(file)), seed, constants);
    }

    /**
     * Writes the image in one corruption and severity.
     *
     * @throws dev.hornbeam.training.UserError if it is too small for the corruption, or the file cannot be written
     */
    public void write(Path target, Corruption corruption, int severity, ImageEncoding encoding) {
        byte[] changed = pixels.pixels().clone();
        CorruptedImages.corrupt(
                changed,
                pixels.height(),
                pixels.width(),
                pixels.channels(),
                corruption,
                severity,
                constants.orElseGet(() -> ConstantSet.forSize(pixels.height(), pixels.width())),
                seed,
                0);
        UserFile.write(
                target, encoding.encode(new PixelImage(pixels.width(), pixels.height(), pixels.channels(), changed)));
    }
}
