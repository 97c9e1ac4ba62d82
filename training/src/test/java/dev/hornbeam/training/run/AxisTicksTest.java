package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import org.junit.jupiter.api.Test;

final class AxisTicksTest {

    @Test
    void roundNumbersAroundTheData() {
        assertEquals(List.of(0., .5, 1., 1.5), AxisTicks.around(0, 1.2, 4).values());
        assertEquals(
                List.of(60., 70., 80., 90., 100.), AxisTicks.around(63, 97, 4).values());
        assertEquals(
                List.of(0., .025, .05, .075, .1), AxisTicks.around(0, .1, 4).values());
        assertEquals("0.025", AxisTicks.around(0, .1, 4).text(.025));
        assertEquals("−5", AxisTicks.around(-5, 5, 2).text(-5));
    }

    @Test
    void epochsAreWhole() {
        assertEquals(List.of(2., 4., 6., 8.), AxisTicks.whole(1, 8, 6).values());
        assertEquals(List.of(1., 2., 3.), AxisTicks.whole(1, 3, 6).values());
        assertEquals(List.of(1.), AxisTicks.whole(1, 1, 6).values());
    }

    @Property(tries = 300)
    void ticksEncloseTheData(
            @ForAll @DoubleRange(min = -1e6, max = 1e6) double a,
            @ForAll @DoubleRange(min = -1e6, max = 1e6) double b) {
        double low = Math.min(a, b);
        double high = Math.max(a, b);
        AxisTicks ticks = AxisTicks.around(low, high, 4);
        double slack = 1e-6 * Math.max(1, Math.abs(high) + Math.abs(low));
        assertTrue(ticks.low() <= low + slack && ticks.high() >= high - slack, ticks.toString());
        assertTrue(ticks.values().size() >= 2 && ticks.values().size() <= 7, ticks.toString());
    }
}
