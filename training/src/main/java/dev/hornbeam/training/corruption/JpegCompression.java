package dev.hornbeam.training.corruption;

/** Compresses the image as baseline JPEG of a quality and decompresses it: see {@link JpegRoundTrip}. */
final class JpegCompression extends CanvasCorruption {
    private static final Severities QUALITY = new Severities(
            Severities.of(80, 65, 58, 50, 40), Severities.of(65, 58, 50, 40, 25), Severities.of(25, 18, 15, 10, 7));

    private final ThreadLocal<JpegRoundTrip> roundTrip = ThreadLocal.withInitial(JpegRoundTrip::new);

    JpegCompression() {
        super("jpeg_compression");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        roundTrip.get().apply(canvas.in, canvas.bytesOut(), canvas.height, canvas.width, (int)
                QUALITY.at(constants, severity));
    }
}
