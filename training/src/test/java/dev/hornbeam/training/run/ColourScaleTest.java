package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class ColourScaleTest {

    static List<ColourScale> scales() {
        return List.of(
                ColourScale.ERROR_LIGHT, ColourScale.ERROR_DARK, ColourScale.CHANGE_LIGHT, ColourScale.CHANGE_DARK);
    }

    @Test
    void meetsItsStops() {
        ColourScale scale = new ColourScale(List.of(0x102030, 0xFF8000, 0xFFFFFF));
        assertEquals(0x102030, scale.at(0));
        assertEquals(0xFF8000, scale.at(.5));
        assertEquals(0xFFFFFF, scale.at(1));
        assertEquals(0x102030, scale.at(-3));
        assertEquals(0xFFFFFF, scale.at(3));
        assertEquals("#0a0b0c", ColourScale.css(0x0A0B0C));
    }

    // Oklab's middle of black and white has lightness 0.5: linear 0.125, which is 0x63 in sRGB.
    @Test
    void mixesEvenlyToTheEye() {
        assertEquals(0x636363, new ColourScale(List.of(0x000000, 0xFFFFFF)).at(.5));
    }

    @Test
    void contrastIsThatOfWcag() {
        assertEquals(21, ColourScale.contrast(0x000000, 0xFFFFFF), 1e-9);
        assertEquals(4.48, ColourScale.contrast(0x777777, 0xFFFFFF), 0.01);
    }

    // WCAG AA asks for 4.5 for small text; the text of a cell is the number that matters.
    @ParameterizedTest
    @MethodSource("scales")
    void everyCellIsLegible(ColourScale scale) {
        for (int i = 0; i <= 200; i++) {
            int background = scale.at(i / 200.0);
            double contrast = ColourScale.contrast(background, ColourScale.textOn(background));
            assertTrue(contrast >= 4.5, () -> ColourScale.css(background) + " has contrast " + contrast);
        }
    }
}
