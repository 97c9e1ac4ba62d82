package dev.hornbeam.training.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class ResamplingTest {
    @Test
    void resizesAsPillowDoes() throws IOException {
        Map<String, PixelImage> golden = GoldenImages.arrays("resize.npz");
        int seen = 0;
        for (Map.Entry<String, PixelImage> entry : golden.entrySet()) {
            String[] name = entry.getKey().split("-", -1);
            if (name.length != 3) {
                continue;
            }
            String[] size = name[2].split("x", -1);
            PixelImage actual = Resampling.resize(
                    golden.get("in-" + name[1]),
                    Integer.parseInt(size[0]),
                    Integer.parseInt(size[1]),
                    Interpolation.parse(name[0]));
            assertEquals(0, GoldenImages.difference(entry.getValue(), actual), entry.getKey());
            seen++;
        }
        assertEquals(120, seen);
    }

    @Test
    void cutsOutTheCentreAsTorchvisionDoes() throws IOException {
        Map<String, PixelImage> golden = GoldenImages.arrays("resize.npz");
        int seen = 0;
        for (Map.Entry<String, PixelImage> entry : golden.entrySet()) {
            String[] name = entry.getKey().split("-", -1);
            if (!name[0].equals("crop")) {
                continue;
            }
            PixelImage image = golden.get("in-" + name[2]);
            int size = Integer.parseInt(name[4]);
            Preprocessing preprocessing = new Preprocessing(
                    size,
                    size,
                    image.channels(),
                    Resize.parse(name[3]),
                    Interpolation.parse(name[1]),
                    Background.WHITE);
            assertEquals(0, GoldenImages.difference(entry.getValue(), preprocessing.apply(image)), entry.getKey());
            seen++;
        }
        assertEquals(80, seen);
    }

    @ParameterizedTest
    @EnumSource(Interpolation.class)
    void aWindowIsAPartOfTheWhole(Interpolation interpolation) {
        PixelImage image = noise(53, 37, 3);
        for (int[] size : new int[][] {{20, 30}, {53, 12}, {30, 37}, {53, 37}, {80, 90}}) {
            PixelImage whole = Resampling.resize(image, size[0], size[1], interpolation);
            PixelImage window = Resampling.resize(image, size[0], size[1], interpolation, 5, 3, 11, 8);
            assertEquals(0, GoldenImages.difference(whole.crop(5, 3, 11, 8), window), size[0] + "x" + size[1]);
        }
    }

    @ParameterizedTest
    @EnumSource(Interpolation.class)
    void oneColourStaysThatColour(Interpolation interpolation) {
        byte[] pixels = new byte[90 * 70];
        Arrays.fill(pixels, (byte) 201);
        PixelImage small = Resampling.resize(new PixelImage(90, 70, 1, pixels), 13, 17, interpolation);
        for (byte pixel : small.pixels()) {
            assertEquals(201, pixel & 0xff);
        }
    }

    @Test
    void anImageOfTheRightSizeIsLeftAsItIs() {
        PixelImage image = noise(32, 32, 3);
        assertEquals(
                0, GoldenImages.difference(image, Preprocessing.of(32, 32, 3).apply(image)));
        PixelImage oblong = noise(30, 20, 3);
        assertEquals(
                0, GoldenImages.difference(oblong, Preprocessing.of(20, 30, 3).apply(oblong)));
    }

    @Test
    void greyAndColourBecomeEachOther() {
        PixelImage grey = noise(8, 8, 1);
        PixelImage colour = Preprocessing.of(8, 8, 3).apply(grey);
        assertEquals(3, colour.channels());
        assertEquals(0, GoldenImages.difference(grey, colour.withChannels(1)));
        PixelImage red = new PixelImage(1, 1, 3, new byte[] {(byte) 200, 100, 50});
        // 0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 124.2
        assertEquals(124, Preprocessing.of(1, 1, 1).apply(red).at(0, 0, 0));
    }

    @Test
    void narrowImagesAreNoTrouble() {
        PixelImage line = noise(1, 60_000, 1);
        PixelImage seen = new Preprocessing(
                        224, 224, 3, new Resize.ShorterSide(256), Interpolation.BICUBIC, Background.WHITE)
                .apply(line);
        assertEquals("224x224x3", seen.toString());
        PixelImage endless = new PixelImage(1, 20_000_000, 1, new byte[20_000_000]);
        UserError e =
                assertThrows(UserError.class, () -> Preprocessing.imageNet().apply(endless));
        assertTrue(e.getMessage().contains("1x20000000"), e.getMessage());
    }

    @Test
    void impossibleSizesAreRefused() {
        assertThrows(
                UserError.class,
                () -> new Preprocessing(
                        224, 224, 3, new Resize.ShorterSide(200), Interpolation.BILINEAR, Background.WHITE));
        assertThrows(UserError.class, () -> Preprocessing.of(32, 32, 0));
        assertThrows(UserError.class, () -> Preprocessing.of(4, 4, 2).apply(noise(4, 4, 1)));
        assertThrows(UserError.class, () -> Preprocessing.of(0, 32, 3));
        assertThrows(UserError.class, () -> Resize.parse("0"));
        assertThrows(UserError.class, () -> Resize.parse("half"));
        assertThrows(UserError.class, () -> Interpolation.parse("nearest"));
        assertThrows(UserError.class, () -> Background.parse("#ffff"));
        assertThrows(IllegalArgumentException.class, () -> noise(4, 4, 1).crop(2, 2, 3, 1));
    }

    @Test
    void settingsAreReadAsTheyAreWritten() {
        for (String text : new String[] {"white", "black", "none", "#1a2b3c"}) {
            assertEquals(text, Background.parse(text).toString());
        }
        for (String text : new String[] {"stretch", "256"}) {
            assertEquals(text, Resize.parse(text).toString());
        }
        for (Interpolation interpolation : Interpolation.values()) {
            assertEquals(interpolation, Interpolation.parse(interpolation.toString()));
        }
    }

    private static PixelImage noise(int width, int height, int channels) {
        Philox draw = new Philox(3, Philox.Purpose.TEST, 0, 0, 0);
        byte[] pixels = new byte[width * height * channels];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) draw.below(i, 256);
        }
        return new PixelImage(width, height, channels, pixels);
    }
}
