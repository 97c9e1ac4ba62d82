package dev.hornbeam.training.corruption;

import dev.hornbeam.image.PixelLoops;

/**
 * Compresses the image as baseline JPEG of a quality and decompresses it.
 *
 * <p>The settings are those that Pillow has by default: YCbCr of 8 bits (JFIF), chroma of half the resolution in both
 * directions, the "islow" cosine transforms, Annex K's tables scaled for the quality, and "fancy" upsampling. Entropy
 * coding loses nothing, so it is left out. Source: ITU-T T.81 (1992).
 */
final class JpegCompression extends CanvasCorruption {
    private static final Severities QUALITY = new Severities(
            Severities.of(80, 65, 58, 50, 40), Severities.of(65, 58, 50, 40, 25), Severities.of(25, 18, 15, 10, 7));
    private static final int[] LUMINANCE = {
        16, 11, 10, 16, 24, 40, 51, 61, //
        12, 12, 14, 19, 26, 58, 60, 55, //
        14, 13, 16, 24, 40, 57, 69, 56, //
        14, 17, 22, 29, 51, 87, 80, 62, //
        18, 22, 37, 56, 68, 109, 103, 77, //
        24, 35, 55, 64, 81, 104, 113, 92, //
        49, 64, 78, 87, 103, 121, 120, 101, //
        72, 92, 95, 98, 112, 100, 103, 99
    };
    private static final int[] CHROMINANCE = {
        17, 18, 24, 47, 99, 99, 99, 99, //
        18, 21, 26, 66, 99, 99, 99, 99, //
        24, 26, 56, 99, 99, 99, 99, 99, //
        47, 66, 99, 99, 99, 99, 99, 99, //
        99, 99, 99, 99, 99, 99, 99, 99, //
        99, 99, 99, 99, 99, 99, 99, 99, //
        99, 99, 99, 99, 99, 99, 99, 99, //
        99, 99, 99, 99, 99, 99, 99, 99
    };

    // By quality, when one is first asked for.
    private final byte[][][] steps = new byte[101][][];

    JpegCompression() {
        super("jpeg_compression");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        int quality = (int) QUALITY.at(constants, severity);
        byte[][] both = steps[quality];
        if (both == null) {
            both = new byte[][] {scaled(LUMINANCE, quality), scaled(CHROMINANCE, quality)};
            steps[quality] = both;
        }
        PixelLoops.jpeg(canvas.in, canvas.bytesOut(), canvas.height, canvas.width, both[0], both[1]);
    }

    private static byte[] scaled(int[] table, int quality) {
        int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
        byte[] steps = new byte[table.length];
        for (int i = 0; i < steps.length; i++) {
            steps[i] = (byte) Math.clamp((table[i] * scale + 50) / 100, 1, 255);
        }
        return steps;
    }
}
