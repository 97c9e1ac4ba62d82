package dev.hornbeam.training;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class NearestNamesTest {

    // "ca" to "abc" is 3 here and 2 where a part may be edited twice.
    @ParameterizedTest
    @CsvSource({
        "'', '', 0",
        "'', abc, 3",
        "kitten, sitting, 3",
        "sigma, sgima, 1",
        "ca, abc, 3",
        "lr, rl, 1",
        "damp, daap, 1"
    })
    void editDistance(String a, String b, int expected) {
        assertEquals(expected, NearestNames.editDistance(a, b));
        assertEquals(expected, NearestNames.editDistance(b, a));
    }

    @Test
    void nearestComesFirst() {
        List<String> known = List.of("optimizer.momentum", "optimizer.lr", "data.batch", "evaluation.batch");
        assertEquals(List.of("optimizer.momentum"), NearestNames.of("optimizer.momentun", known));
        assertEquals(List.of("data.batch", "evaluation.batch"), NearestNames.of("data.bacth", known));
        assertEquals(List.of("optimizer.lr"), NearestNames.of("lr", known));
        assertEquals(List.of("optimizer.lr"), NearestNames.of("Optimiser.LR", known));
        assertEquals(List.of(), NearestNames.of("optimizer.learning_rate", known));
    }

    @Test
    void atMostThree() {
        assertEquals(List.of("aa1", "aa2", "aa3"), NearestNames.of("aa", List.of("aa4", "aa3", "aa2", "aa1")));
    }

    @Test
    void sentence() {
        assertEquals("; did you mean daap or damp?", NearestNames.didYouMean("dmap", List.of("none", "damp", "daap")));
        assertEquals("", NearestNames.didYouMean("warmup", List.of("none", "damp")));
    }
}
