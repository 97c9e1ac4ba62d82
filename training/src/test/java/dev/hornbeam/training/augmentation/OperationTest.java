package dev.hornbeam.training.augmentation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npz;
import dev.hornbeam.training.image.Interpolation;
import dev.hornbeam.training.image.PixelImage;
import dev.hornbeam.training.image.Resampler;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Against what Pillow and torchvision make of the same images: testdata/python/make_augmentation_golden.py. */
final class OperationTest {
    private static final Map<String, HostArray> GOLDEN = new TreeMap<>();

    @BeforeAll
    static void read() throws IOException {
        Path folder = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(folder.resolve("testdata/augmentation"))) {
            folder = folder.getParent();
        }
        try (Npz archive = Npz.open(folder.resolve("testdata/augmentation/operations.npz"))) {
            for (String name : archive.names()) {
                GOLDEN.put(name, archive.read(name));
            }
        }
    }

    private static PixelImage image(String name) {
        HostArray array = GOLDEN.get(name);
        return new PixelImage((int) array.size(1), (int) array.size(0), (int) array.size(2), array.toBytes());
    }

    private interface Change {
        void apply(Canvas image, String value);
    }

    // How many of the golden images begin with that name, all of which the change gives.
    private static int check(String name, Change change) {
        int seen = 0;
        for (String key : GOLDEN.keySet()) {
            String[] parts = key.split("@", -1);
            if (!parts[0].equals(name)) {
                continue;
            }
            Canvas canvas = new Canvas();
            canvas.load(image("in-" + parts[1]));
            change.apply(canvas, parts[2]);
            PixelImage expected = image(key);
            assertEquals(expected.toString(), canvas.toImage().toString(), key);
            assertArrayEquals(
                    expected.pixels(), Arrays.copyOf(canvas.pixels(), canvas.length()), () -> key + " differs");
            seen++;
        }
        return seen;
    }

    private static String torchvisionName(Operation operation) {
        return switch (operation) {
            case COLOUR -> "Color";
            case AUTO_CONTRAST -> "AutoContrast";
            case SHEAR_X -> "ShearX";
            case SHEAR_Y -> "ShearY";
            case TRANSLATE_X -> "TranslateX";
            case TRANSLATE_Y -> "TranslateY";
            default -> operation.name().charAt(0) + operation.toString().substring(1);
        };
    }

    @ParameterizedTest
    @EnumSource(Operation.class)
    void givesTheBytesOfTorchvision(Operation operation) {
        int images = check(
                torchvisionName(operation), (canvas, value) -> operation.apply(canvas, Double.parseDouble(value)));
        int values = switch (operation) {
            case IDENTITY, AUTO_CONTRAST, EQUALIZE -> 1;
            case TRANSLATE_X, TRANSLATE_Y -> 3;
            case SHEAR_X, SHEAR_Y, SOLARIZE -> 4;
            case POSTERIZE -> 5;
            default -> 6;
        };
        assertEquals(4 * values, images);
    }

    @ParameterizedTest
    @CsvSource({"SHEAR_X, 8", "SHEAR_Y, 8", "ROTATE, 12"})
    void movesSmoothlyAsPillowDoes(Operation operation, int images) {
        assertEquals(
                images,
                check(
                        "smooth-" + torchvisionName(operation),
                        (canvas, value) -> operation.apply(canvas, Double.parseDouble(value), true)));
    }

    @Test
    void turnsTheHueAsTorchvisionDoes() {
        assertEquals(24, check("hue", (canvas, value) -> Tones.hue(canvas, Double.parseDouble(value))));
    }

    @Test
    void scalesAWindowAsTorchvisionDoes() {
        Resampler resampler = new Resampler();
        int images = check("crop", (canvas, value) -> {
            int[] v = Arrays.stream(value.split(",", -1))
                    .mapToInt(Integer::parseInt)
                    .toArray();
            byte[] target = canvas.spare(v[4] * v[4] * canvas.channels());
            resampler.resize(
                    canvas.pixels(),
                    canvas.width(),
                    canvas.channels(),
                    v[1],
                    v[0],
                    v[3],
                    v[2],
                    v[4],
                    v[4],
                    Interpolation.BILINEAR,
                    target);
            canvas.swap(v[4], v[4]);
        });
        assertEquals(12, images);
    }

    @ParameterizedTest
    @CsvSource({"32, 32", "224, 224", "48, 31"})
    void magnitudesAreThoseOfTorchvision(int height, int width) {
        float[] expected = GOLDEN.get("space-" + height + "x" + width).toFloats();
        for (int row = 0; row < Operation.count(); row++) {
            Operation operation = Operation.of(row);
            for (int level = 0; level < Operation.LEVELS; level++) {
                float wanted = expected[row * Operation.LEVELS + level];
                assertEquals(
                        wanted,
                        operation.magnitude(level, width, height),
                        2e-7 * Math.max(1, wanted),
                        operation + " at level " + level);
            }
        }
    }

    @Test
    void mirrorsAndCutsWindows() {
        Canvas canvas = new Canvas();
        canvas.load(new PixelImage(3, 2, 1, new byte[] {1, 2, 3, 4, 5, 6}));
        Geometry.flip(canvas);
        assertArrayEquals(new byte[] {3, 2, 1, 6, 5, 4}, canvas.toImage().pixels());
        Geometry.window(canvas, -1, 1, 5, 2);
        assertArrayEquals(
                new byte[] {0, 6, 5, 4, 0, 0, 0, 0, 0, 0}, canvas.toImage().pixels());
        Geometry.window(canvas, 40, 0, 2, 1);
        assertArrayEquals(new byte[2], canvas.toImage().pixels());
    }
}
