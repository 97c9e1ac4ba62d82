package dev.hornbeam.training.corruption;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Split;
import dev.hornbeam.training.data.TestImages;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class CorruptionsTest {
    private static List<String> names(List<Corruption> corruptions) {
        return corruptions.stream().map(Corruption::name).toList();
    }

    @Test
    void setsHoldWhatExistsInThePublishedOrder() {
        assertEquals(
                List.of("gaussian_noise", "shot_noise", "gaussian_blur", "contrast", "brightness", "pixelate"),
                names(Corruptions.set("quick")));
        assertEquals(
                List.of("gaussian_noise", "shot_noise", "brightness", "contrast", "pixelate"),
                names(Corruptions.set("common")));
        assertEquals(List.of("gaussian_blur"), names(Corruptions.set("extra")));
        assertEquals(List.of(), names(Corruptions.set("bar")));
        assertEquals(names(Corruptions.all()), names(Corruptions.set("all")));
        assertEquals(
                List.of("contrast", "gaussian_blur", "gaussian_noise", "shot_noise", "brightness", "pixelate"),
                names(Corruptions.select(List.of("contrast", "extra", "common"))));
    }

    @Test
    void numbersThatKeyTheDrawsNeverChange() {
        assertEquals(0, Corruptions.number(Corruptions.named("gaussian_noise")));
        assertEquals(1, Corruptions.number(Corruptions.named("shot_noise")));
        assertEquals(10, Corruptions.number(Corruptions.named("brightness")));
        assertEquals(11, Corruptions.number(Corruptions.named("contrast")));
        assertEquals(13, Corruptions.number(Corruptions.named("pixelate")));
        assertEquals(16, Corruptions.number(Corruptions.named("gaussian_blur")));
    }

    @Test
    void mistypedNamesAreHelped() {
        String known = "gaussian_noise, shot_noise, brightness, contrast, pixelate, gaussian_blur";
        assertEquals(
                "unknown corruption 'gausian_noise'; known: " + known + "; did you mean gaussian_noise?",
                assertThrows(UserError.class, () -> Corruptions.named("gausian_noise"))
                        .getMessage());
        assertEquals(
                "corruption 'fog' is not part of this version; known: " + known,
                assertThrows(UserError.class, () -> Corruptions.named("fog")).getMessage());
        assertEquals(
                "unknown set of corruptions 'commn'; known: common, extra, bar, quick, all; did you mean common?",
                assertThrows(UserError.class, () -> Corruptions.set("commn")).getMessage());
        assertEquals(
                "unknown corruption or set of corruptions 'quik'; known: common, extra, bar, quick, all, " + known
                        + "; did you mean quick?",
                assertThrows(UserError.class, () -> Corruptions.select(List.of("quik")))
                        .getMessage());
        assertEquals(
                "unknown set of corruption constants 'cifra'; known: cifar, tiny, imagenet; did you mean cifar?",
                assertThrows(UserError.class, () -> ConstantSet.named("cifra")).getMessage());
    }

    @Test
    void constantsFollowTheImageSize() {
        assertEquals(ConstantSet.CIFAR, ConstantSet.forSize(28, 48));
        assertEquals(ConstantSet.TINY, ConstantSet.forSize(49, 28));
        assertEquals(ConstantSet.TINY, ConstantSet.forSize(128, 128));
        assertEquals(ConstantSet.IMAGENET, ConstantSet.forSize(129, 10));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 6, -1})
    void otherSeveritiesAreRefused(int severity) {
        ImageSet set = TestImages.random(1, 8, 8, 3, 2, 1);
        Corruption contrast = Corruptions.named("contrast");
        assertEquals(
                "severity " + severity + "; expected 1 (mild) to 5 (strong)",
                assertThrows(UserError.class, () -> CorruptedImages.of(set, contrast, severity, 1, 1))
                        .getMessage());
    }

    @Property(tries = 60)
    void pixelsDoNotDependOnThreadsOrderOrSubset(
            @ForAll @IntRange(max = 5) int which,
            @ForAll @IntRange(min = 1, max = 5) int severity,
            @ForAll @IntRange(min = 2, max = 5) int threads,
            @ForAll boolean colour,
            @ForAll long seed) {
        ImageSet set = TestImages.random(300, 7, 9, colour ? 3 : 1, 2, 1);
        Corruption corruption = Corruptions.all().get(which);
        ImageSet alone = CorruptedImages.of(set, corruption, severity, seed, 1);
        assertEquals(
                alone.checksum(),
                CorruptedImages.of(set, corruption, severity, seed, threads).checksum());
        ImageSet some = CorruptedImages.of(set.subset(299, 5, 70), corruption, severity, seed, 1);
        assertArrayEquals(alone.image(299), some.image(0));
        assertArrayEquals(alone.image(5), some.image(1));
        assertArrayEquals(alone.image(70), some.image(2));
        assertEquals(70, some.originalIndex(2));
        assertArrayEquals(set.labels(), alone.labels());
    }

    @ParameterizedTest
    @ValueSource(strings = {"gaussian_noise", "shot_noise"})
    void drawsDifferBySeedImageAndSeverity(String name) {
        byte[] pixels = new byte[2 * 100];
        Arrays.fill(pixels, (byte) 128);
        ImageSet set = ImageSet.of("x", Split.TEST, 10, 10, 1, pixels, new int[2], List.of("a"), List.of());
        Corruption noise = Corruptions.named(name);
        ImageSet one = CorruptedImages.of(set, noise, 1, 7, 1);
        assertFalse(Arrays.equals(one.image(0), one.image(1)));
        assertFalse(Arrays.equals(
                one.image(0), CorruptedImages.of(set, noise, 1, 8, 1).image(0)));
        assertFalse(Arrays.equals(
                one.image(0), CorruptedImages.of(set, noise, 2, 7, 1).image(0)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"gaussian_noise", "shot_noise", "gaussian_blur", "contrast", "brightness", "pixelate"})
    void severitiesGrow(String name) {
        ImageSet set = TestImages.random(20, 32, 32, 3, 2, 1);
        double before = 0;
        for (int severity = 1; severity <= 5; severity++) {
            ImageSet corrupted = CorruptedImages.of(set, Corruptions.named(name), severity, 3, 2);
            double change = 0;
            for (int i = 0; i < set.size(); i++) {
                byte[] a = set.image(i);
                byte[] b = corrupted.image(i);
                for (int k = 0; k < a.length; k++) {
                    change += Math.abs((a[k] & 0xff) - (b[k] & 0xff));
                }
            }
            assertTrue(change > before, "severity " + severity + ": " + change + " after " + before);
            before = change;
        }
    }

    /** All grey values go through three channels and back: nothing is lost by the mean of three equal numbers. */
    @Test
    void greyValuesSurviveTheWayThroughColour() {
        byte[] pixels = new byte[256];
        for (int i = 0; i < 256; i++) {
            pixels[i] = (byte) i;
        }
        ImageSet set = ImageSet.of("x", Split.TEST, 1, 1, 1, pixels, new int[256], List.of("a"), List.of());
        // The contrast of one pixel around its own mean is that pixel.
        ImageSet same = CorruptedImages.of(set, Corruptions.named("contrast"), 5, 1, 1);
        assertEquals(set.checksum(), same.checksum());
    }

    @Test
    void imagesTooSmallAreRefused() {
        ImageSet set = TestImages.random(1, 1, 8, 3, 2, 1);
        UserError error =
                assertThrows(UserError.class, () -> CorruptedImages.of(set, Corruptions.named("pixelate"), 3, 1, 1));
        assertEquals(
                "pixelate at severity 3 would shrink an image of 1x8 to nothing; expected sides of at least 2 pixels",
                error.getMessage());
        ImageSet twoChannels = TestImages.random(1, 8, 8, 2, 2, 1);
        assertThrows(UserError.class, () -> CorruptedImages.of(twoChannels, Corruptions.named("contrast"), 3, 1, 1));
    }
}
