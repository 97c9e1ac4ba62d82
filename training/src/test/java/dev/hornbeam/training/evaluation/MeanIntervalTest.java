package dev.hornbeam.training.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

final class MeanIntervalTest {
    // Half-widths from SciPy 1.17: t.ppf(0.975, n - 1) * std(ddof=1) / sqrt(n).
    @Test
    void studentsIntervals() {
        MeanInterval three = MeanInterval.of(1, 2, 4);
        assertEquals(7 / 3.0, three.mean(), 1e-12);
        assertEquals(3.794583, three.halfWidth(), 1e-6);
        assertEquals(12.706205 * .5, MeanInterval.of(1, 2).halfWidth(), 1e-5);
        assertEquals(3.142471, MeanInterval.of(3, 1, 4, 1, 5, 9).halfWidth(), 1e-5);
    }

    @Test
    void oneMeasurementHasNoInterval() {
        MeanInterval one = MeanInterval.of(5);
        assertTrue(Double.isNaN(one.halfWidth()));
        assertFalse(one.excludesZero());
        assertEquals("5.00", one.toString());
        assertThrows(IllegalArgumentException.class, MeanInterval::of);
    }

    @Test
    void zeroInsideOrOutside() {
        assertFalse(MeanInterval.of(-1, 1, 2).excludesZero());
        assertTrue(MeanInterval.of(1, 1.1, 1.2).excludesZero());
        assertTrue(MeanInterval.of(-1, -1.1, -1.2).excludesZero());
        assertEquals("1.10 ± 0.25", MeanInterval.of(1, 1.1, 1.2).toString());
    }
}
