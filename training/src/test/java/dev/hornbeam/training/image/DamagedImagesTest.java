package dev.hornbeam.training.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.DamagedFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The decoders of images on {@link DamagedFiles}. */
final class DamagedImagesTest {
    // The decoder's own limit would be reached by a damaged size now and then, and take its time.
    private static final long MAX_PIXELS = 1 << 18;
    private static final ImageDecoder DECODER = new ImageDecoder(Background.WHITE, MAX_PIXELS);

    private static Map<String, byte[]> golden(String pattern) throws IOException {
        Map<String, byte[]> files = new TreeMap<>();
        try (Stream<Path> all = Files.list(GoldenImages.folder())) {
            for (Path file : all.toList()) {
                String name = file.getFileName().toString();
                if (name.matches(pattern)) {
                    files.put(name, Files.readAllBytes(file));
                }
            }
        }
        return files;
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "png, '(?!profile|orientation).*\\.png'",
        "gif, '.*\\.gif'",
        "bmp, '.*\\.bmp'",
        "webp lossless, '(alpha|lossless)\\.webp'",
        "webp lossy, 'lossy\\.webp'",
        "jpeg, '(baseline|progressive|grey|rgb)\\.jpg'",
        "jpeg of four channels, '(cmyk|ycck)\\.jpg'",
        "profiles and orientation, '(profile|orientation-6)\\..*'"
    })
    void imagesInMemory(String name, String pattern) throws IOException {
        DamagedFiles.inMemory(name, golden(pattern), (file, content) -> pixels(DECODER, file, content))
                .check();
    }

    @Test
    void jpegInJava() throws IOException {
        ImageDecoder java = DECODER.inJava();
        DamagedFiles.inMemory(
                        "jpeg in Java",
                        golden("(baseline|progressive|grey|rgb)\\.jpg"),
                        (file, content) -> pixels(java, file, content))
                .check();
    }

    private static long pixels(ImageDecoder decoder, Path file, byte[] content) {
        PixelImage image = decoder.decode(file.toString(), content);
        assertTrue((long) image.width() * image.height() <= MAX_PIXELS);
        assertEquals(image.width() * image.height() * image.channels(), image.pixels().length);
        return image.pixels().length;
    }
}
