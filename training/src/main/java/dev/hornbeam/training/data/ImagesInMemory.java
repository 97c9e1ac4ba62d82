package dev.hornbeam.training.data;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.training.image.PixelImage;
import java.util.HexFormat;

/** Images of one size in memory, handed out one by one to be brought to another size. */
record ImagesInMemory(String name, int height, int width, int channels, HostArray bytes) implements ImageSource {
    private byte[] pixels(int place) {
        int length = height * width * channels;
        byte[] pixels = new byte[length];
        bytes.read((long) place * length, pixels, 0, length);
        return pixels;
    }

    @Override
    public PixelImage image(int place) {
        return new PixelImage(width, height, channels, pixels(place));
    }

    @Override
    public String describe(int place) {
        return "image " + place + " of " + name;
    }

    @Override
    public String identity(int place) {
        return HexFormat.of().formatHex(ImageSet.sha256().digest(pixels(place)));
    }
}
