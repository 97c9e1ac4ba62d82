package dev.hornbeam.training.run;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;

/**
 * The marks of a chart's axis: round numbers that enclose the data.
 *
 * @param values the marks, rising
 * @param decimals digits after the point that tell them apart
 */
record AxisTicks(List<Double> values, int decimals) {

    /** About {@code wanted} marks around {@code low..high}. */
    static AxisTicks around(double low, double high, int wanted) {
        double span = high > low ? high - low : Math.max(Math.abs(high), 1e-9);
        double rough = span / Math.max(1, wanted);
        double unit = Math.pow(10, Math.floor(Math.log10(rough)));
        double step = unit * 10;
        for (double factor : new double[] {1, 2, 2.5, 5}) {
            // A hair of slack, so that 0.1 / 5 counts as 0.02.
            if (factor * unit >= rough * (1 - 1e-9)) {
                step = factor * unit;
                break;
            }
        }
        BigDecimal exactStep = new BigDecimal(Double.toString(step)).round(new MathContext(2));
        long first = (long) Math.floor(low / step + 1e-9);
        long last = (long) Math.ceil(high / step - 1e-9);
        List<Double> values = new ArrayList<>();
        for (long i = first; i <= Math.max(last, first + 1); i++) {
            values.add(exactStep.multiply(BigDecimal.valueOf(i)).doubleValue());
        }
        int decimals = Math.max(0, exactStep.stripTrailingZeros().scale());
        return new AxisTicks(List.copyOf(values), decimals);
    }

    /** Whole numbers from {@code first} to {@code last}, about {@code wanted} of them. */
    static AxisTicks whole(int first, int last, int wanted) {
        List<Double> values = new ArrayList<>();
        for (double value : around(first, last, wanted).values()) {
            if (value == Math.rint(value) && value >= first && value <= last) {
                values.add(value);
            }
        }
        return new AxisTicks(List.copyOf(values), 0);
    }

    double low() {
        return values.getFirst();
    }

    double high() {
        return values.getLast();
    }

    /** The text of one mark. */
    String text(double value) {
        return BigDecimal.valueOf(value)
                .setScale(decimals, RoundingMode.HALF_EVEN)
                .toPlainString()
                .replace('-', '−');
    }
}
