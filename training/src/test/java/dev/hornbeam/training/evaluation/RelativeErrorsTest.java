package dev.hornbeam.training.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class RelativeErrorsTest {
    private static CorruptionErrors table(List<Integer> severities, double[] fog, double[] snow) {
        Map<String, List<Double>> errors = new LinkedHashMap<>();
        errors.put("fog", List.of(fog[0], fog[1]));
        if (snow != null) {
            errors.put("snow", List.of(snow[0], snow[1]));
        }
        return new CorruptionErrors(severities, errors);
    }

    @Test
    void sumsOverSeveritiesBeforeDividing() {
        RelativeErrors relative = RelativeErrors.of(
                table(List.of(1, 5), new double[] {.2, .4}, new double[] {.1, .2}),
                .1,
                "base",
                table(List.of(1, 5), new double[] {.3, .9}, new double[] {.1, .1}),
                .05);
        assertEquals(.5, relative.errors().get("fog"), 1e-12);
        assertEquals(1.5, relative.errors().get("snow"), 1e-12);
        assertEquals(1, relative.mean(), 1e-12);
        // (.6 - .2) / (1.2 - .1) and (.3 - .2) / (.2 - .1)
        assertEquals(.4 / 1.1, relative.relative().get("fog"), 1e-12);
        assertEquals(1, relative.relative().get("snow"), 1e-12);
        assertEquals((.4 / 1.1 + 1) / 2, relative.relativeMean(), 1e-12);
    }

    @Test
    void besideItselfEverythingIsOne() {
        CorruptionErrors table = table(List.of(1, 5), new double[] {.2, .4}, new double[] {.1, .2});
        RelativeErrors relative = RelativeErrors.of(table, .05, "itself", table, .05);
        assertEquals(1, relative.mean(), 1e-12);
        assertEquals(1, relative.relativeMean(), 1e-12);
    }

    @Test
    void baselineMustHaveTheSameTable() {
        CorruptionErrors two = table(List.of(1, 5), new double[] {.2, .4}, new double[] {.1, .2});
        CorruptionErrors one = table(List.of(1, 5), new double[] {.2, .4}, null);
        CorruptionErrors others = table(List.of(1, 3), new double[] {.2, .4}, new double[] {.1, .2});
        assertEquals(1, RelativeErrors.of(one, 0, "b", two, 0).mean(), 1e-12);
        assertTrue(assertThrows(UserError.class, () -> RelativeErrors.of(two, 0, "b", one, 0))
                .getMessage()
                .contains("snow"));
        assertTrue(assertThrows(UserError.class, () -> RelativeErrors.of(two, 0, "b", others, 0))
                .getMessage()
                .contains("[1, 3]"));
    }
}
