package dev.hornbeam.training.corruption;

/** Draws the values of every channel towards the channel's mean: (x - mean)·c + mean. */
final class Contrast extends CanvasCorruption {
    private static final Severities FACTOR = new Severities(
            Severities.of(.75, .5, .4, .3, .15),
            Severities.of(.4, .3, .2, .1, .05),
            Severities.of(.4, .3, .2, .1, .05));

    Contrast() {
        super("contrast");
    }

    @Override
    void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws) {
        double factor = FACTOR.at(constants, severity);
        byte[] in = canvas.in;
        byte[] out = canvas.bytesOut();
        long red = 0;
        long green = 0;
        long blue = 0;
        for (int k = 0; k < canvas.values; k += 3) {
            red += in[k] & 0xff;
            green += in[k + 1] & 0xff;
            blue += in[k + 2] & 0xff;
        }
        byte[] reds = lookUp(red, canvas, factor);
        byte[] greens = lookUp(green, canvas, factor);
        byte[] blues = lookUp(blue, canvas, factor);
        for (int k = 0; k < canvas.values; k += 3) {
            out[k] = reds[in[k] & 0xff];
            out[k + 1] = greens[in[k + 1] & 0xff];
            out[k + 2] = blues[in[k + 2] & 0xff];
        }
    }

    // There are only 256 values, so that the result for each is computed once.
    private static byte[] lookUp(long sum, Canvas canvas, double factor) {
        double mean = sum / 255.0 / ((double) canvas.height * canvas.width);
        byte[] cut = new byte[256];
        for (int k = 0; k < 256; k++) {
            // Between the value and the mean of the values, so in [0,1] as it is.
            cut[k] = (byte) (((Canvas.UNIT[k] - mean) * factor + mean) * 255);
        }
        return cut;
    }
}
