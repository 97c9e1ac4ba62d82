package dev.hornbeam.training.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class CorruptionErrorsTest {

    private static CorruptionErrors table() {
        Map<String, List<Double>> errors = new LinkedHashMap<>();
        errors.put("gaussian_noise", List.of(.1, .2, .6));
        errors.put("contrast", List.of(.2, .4, .9));
        return new CorruptionErrors(List.of(1, 3, 5), errors);
    }

    @Test
    void means() {
        assertEquals(.3, table().mean("gaussian_noise"), 1e-12);
        assertEquals(.4, table().mean(), 1e-12);
        assertEquals(.3, table().meanAtSeverity(3), 1e-12);
        assertThrows(IllegalArgumentException.class, () -> table().mean("fog"));
        assertThrows(IllegalArgumentException.class, () -> table().meanAtSeverity(2));
    }

    @Test
    void csv() {
        assertEquals("""
                corruption,severity_1,severity_3,severity_5,mean
                gaussian_noise,0.100000,0.200000,0.600000,0.300000
                contrast,0.200000,0.400000,0.900000,0.500000
                """, table().toCsv());
    }

    @Test
    void tableMustBeFull() {
        assertThrows(
                IllegalArgumentException.class, () -> new CorruptionErrors(List.of(1, 2), Map.of("fog", List.of(.1))));
        assertThrows(IllegalArgumentException.class, () -> new CorruptionErrors(List.of(1), Map.of()));
        assertThrows(IllegalArgumentException.class, () -> new CorruptionErrors(List.of(), Map.of("fog", List.of())));
    }
}
