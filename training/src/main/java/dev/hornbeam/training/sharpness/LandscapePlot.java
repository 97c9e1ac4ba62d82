package dev.hornbeam.training.sharpness;

import java.util.Locale;

/** A loss landscape as an SVG picture: a curve for a line, a map in colours for a plane. Losses are on a logarithmic scale. */
public final class LandscapePlot {
    private static final int LEFT = 70;
    private static final int TOP = 50;
    private static final int SIDE = 420;
    private static final int WIDTH = LEFT + SIDE + 110;
    private static final int HEIGHT = TOP + SIDE + 60;
    private static final int MARKS = 5;
    // From the smallest loss to the largest, equally far apart in lightness.
    private static final int[] COLOURS = {0x1B2A5E, 0x1F6E8C, 0x3DAA80, 0xA9CF54, 0xFBE89A};
    // A loss of 0 has no logarithm.
    private static final double SMALLEST = 1e-8;

    private final LossLandscape landscape;
    private final String title;
    private final StringBuilder svg = new StringBuilder();
    private final double low;
    private final double high;

    private LandscapePlot(LossLandscape landscape, String title) {
        this.landscape = landscape;
        this.title = title;
        double smallest = Double.POSITIVE_INFINITY;
        double largest = Double.NEGATIVE_INFINITY;
        for (double[] row : landscape.losses()) {
            for (double loss : row) {
                if (Double.isFinite(loss)) {
                    smallest = Math.min(smallest, Math.log(Math.max(loss, SMALLEST)));
                    largest = Math.max(largest, Math.log(Math.max(loss, SMALLEST)));
                }
            }
        }
        low = smallest;
        high = largest > smallest ? largest : smallest + 1;
    }

    /** Draws it. */
    public static String svg(LossLandscape landscape, String title) {
        return new LandscapePlot(landscape, title).draw();
    }

    private String draw() {
        add(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"13\">",
                WIDTH, HEIGHT);
        add("<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>", WIDTH, HEIGHT);
        add("<text x=\"%d\" y=\"28\" font-size=\"16\">%s</text>", LEFT, escape(title));
        if (landscape.isPlane()) {
            cells();
            scale();
        } else {
            curve();
        }
        axes();
        return svg.append("</svg>\n").toString();
    }

    private void cells() {
        int n = landscape.offsets().length;
        double cell = (double) SIDE / n;
        for (int j = 0; j < n; j++) {
            for (int i = 0; i < n; i++) {
                // A little wider than the cell, so that no background shines through between two.
                add(
                        "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"/>",
                        LEFT + i * cell,
                        TOP + (n - 1 - j) * cell,
                        cell + 0.4,
                        cell + 0.4,
                        colour(share(landscape.losses()[j][i])));
            }
        }
        add(
                "<circle cx=\"%d\" cy=\"%d\" r=\"4\" fill=\"none\" stroke=\"#fff\" stroke-width=\"2\"/>",
                LEFT + SIDE / 2, TOP + SIDE / 2);
    }

    private void scale() {
        int x = LEFT + SIDE + 20;
        int bars = 60;
        for (int k = 0; k < bars; k++) {
            add(
                    "<rect x=\"%d\" y=\"%.2f\" width=\"16\" height=\"%.2f\" fill=\"%s\"/>",
                    x, TOP + SIDE - (k + 1.0) * SIDE / bars, (double) SIDE / bars + 0.4, colour((k + 0.5) / bars));
        }
        for (int k = 0; k < MARKS; k++) {
            double share = (double) k / (MARKS - 1);
            add("<text x=\"%d\" y=\"%.1f\">%s</text>", x + 22, TOP + SIDE * (1 - share) + 4, mark(share));
        }
        add("<text x=\"%d\" y=\"%d\">loss</text>", x, TOP - 10);
    }

    private void curve() {
        int n = landscape.offsets().length;
        for (int k = 0; k < MARKS; k++) {
            double share = (double) k / (MARKS - 1);
            double y = TOP + SIDE * (1 - share);
            add("<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>", LEFT, LEFT + SIDE, y, y);
            add("<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>", LEFT - 8, y + 4, mark(share));
        }
        StringBuilder points = new StringBuilder();
        for (int i = 0; i < n; i++) {
            double loss = landscape.losses()[0][i];
            if (Double.isFinite(loss)) {
                points.append(String.format(
                        Locale.ROOT, "%.1f,%.1f ", LEFT + (double) SIDE * i / (n - 1), TOP + SIDE * (1 - share(loss))));
            }
        }
        add(
                "<polyline points=\"%s\" fill=\"none\" stroke=\"#1f6e8c\" stroke-width=\"2\"/>",
                points.toString().strip());
        add("<text x=\"%d\" y=\"%d\">loss</text>", LEFT - 40, TOP - 10);
    }

    private void axes() {
        add(
                "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#333\"/>",
                LEFT, TOP, SIDE, SIDE);
        double radius = landscape.offsets()[landscape.offsets().length - 1];
        // A point of a plane is the middle of its cell.
        double inset = landscape.isPlane() ? SIDE / 2.0 / landscape.offsets().length : 0;
        for (int k = 0; k < MARKS; k++) {
            double share = (double) k / (MARKS - 1);
            String text = String.format(Locale.ROOT, "%.3g", radius * (2 * share - 1));
            add(
                    "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>",
                    LEFT + inset + (SIDE - 2 * inset) * share, TOP + SIDE + 18, text);
            if (landscape.isPlane()) {
                add(
                        "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>",
                        LEFT - 8, TOP + inset + (SIDE - 2 * inset) * (1 - share) + 4, text);
            }
        }
        add(
                "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>",
                LEFT + SIDE / 2, TOP + SIDE + 42, landscape.isPlane() ? "two random directions" : "a random direction");
    }

    private double share(double loss) {
        return Double.isFinite(loss) ? (Math.log(Math.max(loss, SMALLEST)) - low) / (high - low) : 1;
    }

    private String mark(double share) {
        return String.format(Locale.ROOT, "%.3g", Math.exp(low + share * (high - low)));
    }

    private static String colour(double share) {
        double place = Math.clamp(share, 0, 1) * (COLOURS.length - 1);
        int from = Math.min((int) place, COLOURS.length - 2);
        int colour = 0;
        for (int shift = 16; shift >= 0; shift -= 8) {
            int a = COLOURS[from] >> shift & 0xff;
            int b = COLOURS[from + 1] >> shift & 0xff;
            colour = colour << 8 | (int) Math.round(a + (place - from) * (b - a));
        }
        return String.format(Locale.ROOT, "#%06x", colour);
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }

    // The annotation that is wanted would be a dependency of its own.
    @SuppressWarnings("AnnotateFormatMethod")
    private void add(String format, Object... values) {
        svg.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
