package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

final class SpreadTest {
    @Test
    void oddNumbersHaveAMiddle() {
        assertEquals(new Spread(20, 10, 40), Spread.of(20, 10, 40, 25, 10));
    }

    @Test
    void evenNumbersHaveTheMeanOfTheMiddleTwo() {
        assertEquals(new Spread(3, 1, 8), Spread.of(8, 1, 2, 4));
    }

    @Test
    void nothingIsRefused() {
        assertThrows(IllegalArgumentException.class, Spread::of);
    }

    @Test
    void textHasAllThree() {
        assertEquals("2.00 (1.50–4.25)", new Spread(2, 1.5, 4.25).toString());
    }
}
