package dev.hornbeam.training.image;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npz;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** The files of testdata/images, made by testdata/python/make_image_golden.py. */
public final class GoldenImages {
    private GoldenImages() {}

    /** Returns the folder. */
    public static Path folder() {
        Path folder = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(folder.resolve("testdata/images"))) {
            folder = folder.getParent();
        }
        return folder.resolve("testdata/images");
    }

    /** Returns the arrays of an archive in it as images, by name. */
    static Map<String, PixelImage> arrays(String file) throws IOException {
        Map<String, PixelImage> images = new TreeMap<>();
        try (Npz archive = Npz.open(folder().resolve(file))) {
            for (String name : archive.names()) {
                HostArray array = archive.read(name);
                images.put(
                        name,
                        new PixelImage((int) array.size(1), (int) array.size(0), (int) array.size(2), array.toBytes()));
            }
        }
        return images;
    }

    /** Returns the largest difference of a value of two images of one size. */
    static int difference(PixelImage expected, PixelImage actual) {
        if (!expected.toString().equals(actual.toString())) {
            throw new AssertionError("image of " + actual + ", expected " + expected);
        }
        int largest = 0;
        for (int i = 0; i < expected.pixels().length; i++) {
            int difference = (expected.pixels()[i] & 0xff) - (actual.pixels()[i] & 0xff);
            largest = Math.max(largest, Math.abs(difference));
        }
        return largest;
    }
}
