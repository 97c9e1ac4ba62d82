package dev.hornbeam.training.corruption;

/** Changes saturation and value of all pixels in the HSV colour space (the hexagonal one: V is the largest of R, G, B). */
final class Hsv {
    private Hsv() {}

    /**
     * Computes saturation x scale + added and value + brighter, each clipped to [0,1].
     *
     * <p>A grey pixel has hue 0: where {@code added} is not 0 it becomes reddish.
     */
    static void change(Canvas canvas, double scale, double added, double brighter) {
        byte[] in = canvas.in;
        float[] out = canvas.out;
        for (int k = 0; k < canvas.values; k += 3) {
            double red = Canvas.UNIT[in[k] & 0xff];
            double green = Canvas.UNIT[in[k + 1] & 0xff];
            double blue = Canvas.UNIT[in[k + 2] & 0xff];
            double value = Math.max(red, Math.max(green, blue));
            double range = value - Math.min(red, Math.min(green, blue));
            double old = range == 0 ? 0 : range / value;
            double saturation = Math.min(Math.max(old * scale + added, 0), 1);
            double bright = Math.min(value + brighter, 1);
            // Hue in sixths of the circle, 0..6.
            double hue = range == 0
                    ? 0
                    : value == blue
                            ? 4 + (red - green) / range
                            : value == green ? 2 + (blue - red) / range : (green - blue) / range;
            hue = hue < 0 ? hue + 6 : hue;
            int sector = (int) hue;
            double part = hue - sector;
            float high = Canvas.level(bright);
            float low = Canvas.level(bright * (1 - saturation));
            float middle = Canvas.level(bright * (1 - ((sector & 1) == 1 ? part : 1 - part) * saturation));
            switch (sector) {
                case 0, 6 -> set(out, k, high, middle, low);
                case 1 -> set(out, k, middle, high, low);
                case 2 -> set(out, k, low, high, middle);
                case 3 -> set(out, k, low, middle, high);
                case 4 -> set(out, k, middle, low, high);
                default -> set(out, k, high, low, middle);
            }
        }
    }

    private static void set(float[] out, int at, float red, float green, float blue) {
        out[at] = red;
        out[at + 1] = green;
        out[at + 2] = blue;
    }
}
