package dev.hornbeam.training.run;

import dev.hornbeam.training.data.DataSetCatalog;
import dev.hornbeam.training.data.ImageSet;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.imageio.ImageIO;

/**
 * A network trained for a moment on {@link SyntheticImages}, for tests of what is done with trained networks.
 *
 * @param checkpoint the last one
 * @param test images that it was not trained on
 */
public record TinyRun(Path checkpoint, ImageSet test) {
    /** Trains one in {@code folder}. */
    public static TinyRun train(Path folder) {
        try {
            Path data = SyntheticImages.write(folder.resolve("squares.npz"), 100, 40);
            Map<String, String> settings = Map.of(
                    "data.name", "'" + data + "'",
                    "data.batch", "16",
                    "model.width", "4",
                    "epochs", "4",
                    "evaluation.corruptions", "none",
                    "data.augment.flip", "false",
                    "data.augment.pad", "1");
            boolean finished = TrainingRun.create(
                            Recipes.load("quickstart/sgd", settings),
                            folder.resolve("run"),
                            Progress.silent(),
                            List.of())
                    .run()
                    .isPresent();
            if (!finished) {
                throw new AssertionError("the run was stopped");
            }
            return new TinyRun(
                    new CheckpointFolder(folder.resolve("run/checkpoints"))
                            .latest()
                            .orElseThrow(),
                    DataSetCatalog.of(null, Map.of()).load(data.toString()).test());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Writes the first {@code count} test images to {@code folder} as grey PNG files, 0000.png and so on. */
    public Path export(Path folder, int count) throws IOException {
        Files.createDirectories(folder);
        for (int i = 0; i < count; i++) {
            ImageIO.write(
                    image(i),
                    "png",
                    folder.resolve(String.format(Locale.ROOT, "%04d.png", i)).toFile());
        }
        return folder;
    }

    /** Returns a test image as Java has images. */
    public BufferedImage image(int position) {
        BufferedImage image = new BufferedImage(test.width(), test.height(), BufferedImage.TYPE_BYTE_GRAY);
        image.getRaster().setDataElements(0, 0, test.width(), test.height(), test.image(position));
        return image;
    }
}
