package dev.hornbeam.training.data;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.image.Background;
import dev.hornbeam.training.image.ImageDecoder;
import dev.hornbeam.training.image.PixelImage;
import dev.hornbeam.training.image.Preprocessing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Image files below a folder, decoded on demand. */
final class ImageFolderSource implements ImageSource {
    private static final ImageDecoder DECODER = new ImageDecoder(Background.WHITE);

    private static final int LARGEST_AS_IT_IS = 96;

    private final Path folder;
    private final List<String> files;

    /**
     * Names the files.
     *
     * @param folder that all lie below
     * @param files their paths relative to it, with slashes
     */
    ImageFolderSource(Path folder, List<String> files) {
        this.folder = folder;
        this.files = List.copyOf(files);
    }

    @Override
    public PixelImage image(int place) {
        return DECODER.decode(folder.resolve(files.get(place)));
    }

    @Override
    public String describe(int place) {
        return folder.resolve(files.get(place)).toString();
    }

    @Override
    public String identity(int place) {
        Path file = folder.resolve(files.get(place));
        try {
            return files.get(place) + " " + Files.size(file);
        } catch (IOException e) {
            throw UserError.cannotRead(file, e);
        }
    }

    /**
     * Returns how to bring these images to one size: small ones that are alike stay as they are, others become what networks for
     * ImageNet are tested with.
     *
     * @param most how many of them to look at, evenly spread
     */
    Preprocessing commonSize(int most) {
        int count = Math.min(most, files.size());
        PixelImage first = image(0);
        boolean alike = first.width() == first.height() && first.width() <= LARGEST_AS_IT_IS;
        for (int i = 1; alike && i < count; i++) {
            PixelImage other = image((int) ((long) i * files.size() / count));
            alike = other.width() == first.width() && other.height() == first.height();
        }
        return alike ? Preprocessing.of(first.height(), first.width(), 3) : Preprocessing.imageNet();
    }
}
