package dev.hornbeam.training.study;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

final class EstimateTest {
    @Test
    void intervalIsStudents() {
        // Mean 4, deviation 2, t(0.975, 2) = 4.30265: 4.30265 * 2 / sqrt(3).
        Estimate three = Estimate.of(List.of(2.0, 4.0, 6.0));
        assertEquals(4, three.mean(), 1e-12);
        assertEquals(4.96825, three.halfWidth(), 1e-3);
        assertEquals("4.00 ± 4.97", three.text(2));
        assertEquals("+4.0 ± 5.0", three.signedText(1));
    }

    @Test
    void oneValueHasNoInterval() {
        assertEquals(Double.NaN, Estimate.of(List.of(-1.5)).halfWidth());
        assertEquals("-1.50", Estimate.of(List.of(-1.5)).signedText(2));
        assertThrows(IllegalArgumentException.class, () -> Estimate.of(List.of()));
    }

    @Test
    void manyValuesUseTheNormalDistribution() {
        List<Double> values = new ArrayList<>(Collections.nCopies(50, 1.0));
        values.addAll(Collections.nCopies(50, -1.0));
        assertEquals(1.95996 * Math.sqrt(100.0 / 99) / 10, Estimate.of(values).halfWidth(), 1e-5);
    }
}
