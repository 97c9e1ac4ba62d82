package dev.hornbeam.training.data;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.image.Background;
import dev.hornbeam.training.image.ImageDecoder;
import dev.hornbeam.training.image.PixelImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Image files below a folder, decoded on demand. */
final class ImageFolderSource implements ImageSource {
    private static final ImageDecoder DECODER = new ImageDecoder(Background.WHITE);

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
}
