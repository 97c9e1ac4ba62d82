package dev.hornbeam.training.corruption;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.image.Background;
import dev.hornbeam.training.image.ImageDecoder;
import dev.hornbeam.training.image.ImageFiles;
import dev.hornbeam.training.image.PixelImage;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Pictures of frost, drawn by this class or read from a folder of the user's.
 *
 * <p>The benchmark uses five photographs that Hornbeam does not ship. The drawn textures are our own: ridges of gradient
 * noise (Perlin, "An image synthesizer", 1985) in five octaves, pushed about by slower noise, and over them feathers of
 * ice, stems with side branches at 60°. There are five, the same on every machine; they repeat without a seam, so that
 * images of any size can be laid under. For the cifar constants they are drawn at a fifth of the scale, for tiny at
 * three tenths, as photographs of the user's are scaled.
 */
final class FrostTextures {
    private static final int DRAWN = 5;
    private static final int FROST = 8;
    private static final double CELL = 64;

    private final List<Path> files;
    private final Map<ConstantSet, Map<Integer, Texture>> made = new EnumMap<>(ConstantSet.class);

    /**
     * One texture.
     *
     * @param picture of three channels
     * @param endless whether it goes on without a seam after its last row and column
     */
    record Texture(PixelImage picture, boolean endless) {
        /** Returns how many rows or columns at the end cannot be the first of an image with that many. */
        int uncropped(int side) {
            return endless ? 0 : side;
        }
    }

    private FrostTextures(List<Path> files) {
        this.files = files;
        for (ConstantSet constants : ConstantSet.values()) {
            made.put(constants, new ConcurrentHashMap<>());
        }
    }

    /** Returns the textures that this class draws. */
    static FrostTextures drawn() {
        return new FrostTextures(List.of());
    }

    /** Returns the pictures of a folder. */
    static FrostTextures of(Path folder) {
        List<Path> files = ImageFiles.list(folder, false);
        if (files.isEmpty()) {
            throw new UserError(folder + ": no pictures here; expected textures of frost as PNG or JPEG files");
        }
        return new FrostTextures(files);
    }

    int count() {
        return files.isEmpty() ? DRAWN : files.size();
    }

    /** Returns a texture at the scale of the constants; it is made when it is first asked for. */
    Texture texture(int index, ConstantSet constants) {
        Map<Integer, Texture> ofScale = made.get(constants);
        Texture texture = ofScale.get(index);
        return texture != null
                ? texture
                : ofScale.computeIfAbsent(
                        index, key -> files.isEmpty() ? draw(key, constants) : read(files.get(key), scale(constants)));
    }

    private static double scale(ConstantSet constants) {
        return switch (constants) {
            case CIFAR -> 0.2;
            case TINY -> 0.3;
            case IMAGENET -> 1;
        };
    }

    private static Texture read(Path file, double scale) {
        PixelImage image = new ImageDecoder(Background.BLACK).decode(file).withChannels(3);
        int height = Math.max(1, (int) Math.rint(image.height() * scale));
        int width = Math.max(1, (int) Math.rint(image.width() * scale));
        if (height == image.height() && width == image.width()) {
            return new Texture(image, false);
        }
        byte[] from = image.pixels();
        byte[] rgb = new byte[height * width * 3];
        for (int y = 0; y < height; y++) {
            double atY = Math.clamp((y + 0.5) / scale - 0.5, 0, image.height() - 1);
            int top = (int) atY;
            int bottom = Math.min(top + 1, image.height() - 1);
            for (int x = 0; x < width; x++) {
                double atX = Math.clamp((x + 0.5) / scale - 0.5, 0, image.width() - 1);
                int left = (int) atX;
                int right = Math.min(left + 1, image.width() - 1);
                for (int c = 0; c < 3; c++) {
                    double upper = mix(
                            from[(top * image.width() + left) * 3 + c] & 0xff,
                            from[(top * image.width() + right) * 3 + c] & 0xff,
                            atX - left);
                    double lower = mix(
                            from[(bottom * image.width() + left) * 3 + c] & 0xff,
                            from[(bottom * image.width() + right) * 3 + c] & 0xff,
                            atX - left);
                    rgb[(y * width + x) * 3 + c] = (byte) Math.rint(mix(upper, lower, atY - top));
                }
            }
        }
        return new Texture(new PixelImage(width, height, 3, rgb), false);
    }

    private static double mix(double a, double b, double part) {
        return a + part * (b - a);
    }

    private static Texture draw(int index, ConstantSet constants) {
        int side = constants == ConstantSet.IMAGENET ? 512 : 256;
        int cells = (int) Math.rint(side / (CELL * scale(constants)));
        // Stream 0: severities, which are the streams of the draws for images, begin at 1.
        Philox draw = new Philox(0, Purpose.CORRUPTION, FROST, index, 0);
        Lattice lattice = new Lattice(draw);
        float[] feathers = feathers(draw, side, (double) side / cells);
        byte[] rgb = new byte[side * side * 3];
        for (int y = 0, i = 0; y < side; y++) {
            for (int x = 0; x < side; x++, i++) {
                double u = (double) x * cells / side;
                double v = (double) y * cells / side;
                double warpedU = u + 0.8 * lattice.noise(u, v, cells, 1);
                double warpedV = v + 0.8 * lattice.noise(u, v, cells, 2);
                double ridges = 0;
                double weight = 0.5;
                int frequency = 1;
                for (int octave = 0; octave < 5; octave++, frequency *= 2, weight *= 0.6) {
                    double noise =
                            lattice.noise(warpedU * frequency, warpedV * frequency, cells * frequency, 3 + octave);
                    ridges += weight * (1 - Math.min(1, 2.2 * Math.abs(noise)));
                }
                // The weights sum to about 1.15.
                double ice = Math.min(1, 0.12 + 0.75 * ridges * ridges + 0.75 * feathers[i]);
                rgb[3 * i] = (byte) (255 * ice * (0.72 + 0.28 * ice));
                rgb[3 * i + 1] = (byte) (255 * ice * (0.84 + 0.16 * ice));
                rgb[3 * i + 2] = (byte) (255 * Math.min(1, 0.06 + 0.94 * ice));
            }
        }
        return new Texture(new PixelImage(side, side, 3, rgb), true);
    }

    // Stems with side branches that grow shorter towards the tip, brightest at the root.
    private static float[] feathers(Philox draw, int side, double cell) {
        float[] ice = new float[side * side];
        int stems = (int) (2.5 * side * side / (cell * cell));
        long element = 1L << 20;
        for (int stem = 0; stem < stems; stem++) {
            double x = side * (double) draw.uniform(element++);
            double y = side * (double) draw.uniform(element++);
            double angle = 2 * Math.PI * draw.uniform(element++);
            double length = cell * (0.6 + 1.6 * draw.uniform(element++));
            double bend = (draw.uniform(element++) - 0.5) * 1.2 / length;
            double bright = 0.35 + 0.5 * draw.uniform(element++);
            int branches = (int) (length / Math.max(1.5, cell / 12));
            double step = length / Math.max(1, branches);
            for (int b = 0; b < branches; b++) {
                double left = 1 - (double) b / branches;
                double nextX = x + step * StrictMath.cos(angle);
                double nextY = y + step * StrictMath.sin(angle);
                line(ice, side, x, y, nextX, nextY, bright * (0.4 + 0.6 * left));
                for (int way = -1; way <= 1; way += 2) {
                    double reach = 0.45 * length * left * (0.5 + 0.5 * draw.uniform(element++));
                    double aside = angle + way * Math.PI / 3;
                    line(
                            ice,
                            side,
                            x,
                            y,
                            x + reach * StrictMath.cos(aside),
                            y + reach * StrictMath.sin(aside),
                            0.7 * bright * left);
                }
                x = nextX;
                y = nextY;
                angle += bend * step;
            }
        }
        return ice;
    }

    // A line that fades towards its end, a pixel wide with soft edges; what is brighter already stays.
    private static void line(float[] ice, int side, double x0, double y0, double x1, double y1, double bright) {
        int points = 1 + (int) (2 * Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0)));
        for (int p = 0; p <= points; p++) {
            double part = (double) p / points;
            double x = mix(x0, x1, part);
            double y = mix(y0, y1, part);
            int left = (int) Math.floor(x);
            int top = (int) Math.floor(y);
            for (int dy = 0; dy <= 1; dy++) {
                for (int dx = 0; dx <= 1; dx++) {
                    double cover = (1 - Math.abs(x - left - dx)) * (1 - Math.abs(y - top - dy));
                    int at = Math.floorMod(top + dy, side) * side + Math.floorMod(left + dx, side);
                    ice[at] = Math.max(ice[at], (float) (bright * cover * (1 - 0.6 * part)));
                }
            }
        }
    }

    /** Gradient noise that repeats after a whole number of cells. */
    private static final class Lattice {
        private static final int SIZE = 256;
        private final int[] order;
        private final double[] gradientX = new double[SIZE];
        private final double[] gradientY = new double[SIZE];

        Lattice(Philox draw) {
            order = draw.permutation(SIZE);
            for (int i = 0; i < SIZE; i++) {
                double angle = 2 * Math.PI * draw.uniform(SIZE + i);
                gradientX[i] = StrictMath.cos(angle);
                gradientY[i] = StrictMath.sin(angle);
            }
        }

        /** Returns noise of about -0.7 to 0.7 at a place, one of several independent ones. */
        double noise(double x, double y, int period, int which) {
            double floorX = Math.floor(x);
            double floorY = Math.floor(y);
            double dx = x - floorX;
            double dy = y - floorY;
            int left = Math.floorMod((int) floorX, period);
            int top = Math.floorMod((int) floorY, period);
            int right = left + 1 == period ? 0 : left + 1;
            int bottom = top + 1 == period ? 0 : top + 1;
            double across = dx * dx * dx * (dx * (6 * dx - 15) + 10);
            double down = dy * dy * dy * (dy * (6 * dy - 15) + 10);
            double upper = mix(at(left, top, which, dx, dy), at(right, top, which, dx - 1, dy), across);
            double lower = mix(at(left, bottom, which, dx, dy - 1), at(right, bottom, which, dx - 1, dy - 1), across);
            return mix(upper, lower, down);
        }

        private double at(int x, int y, int which, double dx, double dy) {
            int i = order[(order[(order[which] + x) & 0xff] + y) & 0xff];
            return gradientX[i] * dx + gradientY[i] * dy;
        }
    }
}
