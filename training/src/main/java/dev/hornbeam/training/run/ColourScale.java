package dev.hornbeam.training.run;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * A course of colours over [0, 1], even to the eye: stops are joined in Oklab (Ottosson 2020).
 *
 * @param stops sRGB colours as {@code 0xRRGGBB}, at equal distances, at least two
 */
record ColourScale(List<Integer> stops) {
    /** Low to high error on a light page. */
    static final ColourScale ERROR_LIGHT = new ColourScale(List.of(0xF6F3EA, 0xF6C67A, 0xDE7A44, 0xA93442, 0x571845));

    /** Low to high error on a dark page. */
    static final ColourScale ERROR_DARK = new ColourScale(List.of(0x23282E, 0x5A2746, 0xA93A4A, 0xE5844C, 0xFBD68C));

    /** Less error, the same, more error, on a light page. */
    static final ColourScale CHANGE_LIGHT = new ColourScale(List.of(0x1F7A5C, 0x92CDB4, 0xF5F4F0, 0xEFB58E, 0xB5501F));

    /** Less error, the same, more error, on a dark page. */
    static final ColourScale CHANGE_DARK = new ColourScale(List.of(0x5FD3A8, 0x2C6B57, 0x262B31, 0x7A4526, 0xF09A62));

    /** Few to many right predictions, on a light page. */
    static final ColourScale RIGHT_LIGHT = new ColourScale(List.of(0xF5F4F0, 0x92CDB4, 0x1F7A5C));

    /** Few to many right predictions, on a dark page. */
    static final ColourScale RIGHT_DARK = new ColourScale(List.of(0x262B31, 0x2C6B57, 0x5FD3A8));

    /** The colour at {@code x}, which is clamped to [0, 1], as {@code 0xRRGGBB}. */
    int at(double x) {
        double position = Math.clamp(x, 0.0, 1.0) * (stops.size() - 1);
        int index = Math.min((int) position, stops.size() - 2);
        double[] a = toOklab(stops.get(index));
        double[] b = toOklab(stops.get(index + 1));
        double t = position - index;
        double[] mixed = new double[3];
        for (int i = 0; i < 3; i++) {
            mixed[i] = a[i] + t * (b[i] - a[i]);
        }
        return toRgb(mixed);
    }

    /** Black or white, whichever is easier to read on {@code background}; the better of the two is always above 4.5. */
    static int textOn(int background) {
        return contrast(background, 0xFFFFFF) >= contrast(background, 0x000000) ? 0xFFFFFF : 0x000000;
    }

    /** Contrast of two colours as WCAG defines it, from 1 to 21. */
    static double contrast(int a, int b) {
        double la = luminance(a);
        double lb = luminance(b);
        return (Math.max(la, lb) + 0.05) / (Math.min(la, lb) + 0.05);
    }

    /** The scale as a CSS gradient from left to right. */
    String cssGradient() {
        String colours = stops.stream().map(ColourScale::css).collect(Collectors.joining(","));
        return "linear-gradient(90deg in oklab," + colours + ")";
    }

    /** A colour as CSS writes it. */
    static String css(int rgb) {
        return String.format(Locale.ROOT, "#%06x", rgb);
    }

    // Relative luminance of WCAG 2.
    private static double luminance(int rgb) {
        return 0.2126 * linear(rgb >> 16 & 255) + 0.7152 * linear(rgb >> 8 & 255) + 0.0722 * linear(rgb & 255);
    }

    private static double linear(int channel) {
        double c = channel / 255.0;
        return c <= 0.04045 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4);
    }

    private static int channel(double linear) {
        double c = linear <= 0.0031308 ? 12.92 * linear : 1.055 * Math.pow(linear, 1 / 2.4) - 0.055;
        return (int) Math.round(255 * Math.clamp(c, 0.0, 1.0));
    }

    private static double[] toOklab(int rgb) {
        double r = linear(rgb >> 16 & 255);
        double g = linear(rgb >> 8 & 255);
        double b = linear(rgb & 255);
        double l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
        double m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
        double s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
        return new double[] {
            0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
            1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
            0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s
        };
    }

    private static int toRgb(double[] lab) {
        double l = cube(lab[0] + 0.3963377774 * lab[1] + 0.2158037573 * lab[2]);
        double m = cube(lab[0] - 0.1055613458 * lab[1] - 0.0638541728 * lab[2]);
        double s = cube(lab[0] - 0.0894841775 * lab[1] - 1.2914855480 * lab[2]);
        int r = channel(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s);
        int g = channel(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s);
        int b = channel(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s);
        return r << 16 | g << 8 | b;
    }

    private static double cube(double x) {
        return x * x * x;
    }
}
