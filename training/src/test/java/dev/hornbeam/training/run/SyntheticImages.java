package dev.hornbeam.training.run;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npz;
import dev.hornbeam.tensor.Philox;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** A small data set that a network can learn: noise with a bright square whose place is the class. */
public final class SyntheticImages {
    /** Side of the images. */
    public static final int SIDE = 12;

    /** Number of classes. */
    public static final int CLASSES = 4;

    private SyntheticImages() {}

    /** Writes training and test images to an .npz file. */
    public static Path write(Path file, int train, int test) throws IOException {
        Npz.write(
                file,
                Map.of(
                        "train_images", images(train, 1),
                        "train_labels", labels(train),
                        "test_images", images(test, 2),
                        "test_labels", labels(test)),
                false);
        return file;
    }

    private static HostArray images(int count, int stream) {
        Philox draw = new Philox(7, Philox.Purpose.DATA, 0, 0, stream);
        byte[] pixels = new byte[count * SIDE * SIDE];
        for (int i = 0; i < count; i++) {
            int label = i % CLASSES;
            for (int y = 0; y < SIDE; y++) {
                for (int x = 0; x < SIDE; x++) {
                    int at = (i * SIDE + y) * SIDE + x;
                    boolean bright = y / (SIDE / 2) == label / 2 && x / (SIDE / 2) == label % 2;
                    pixels[at] = (byte) (draw.below(at, 120) + (bright ? 100 : 0));
                }
            }
        }
        return HostArray.of(pixels, count, SIDE, SIDE, 1);
    }

    private static HostArray labels(int count) {
        byte[] labels = new byte[count];
        for (int i = 0; i < count; i++) {
            labels[i] = (byte) (i % CLASSES);
        }
        return HostArray.of(labels, count);
    }
}
