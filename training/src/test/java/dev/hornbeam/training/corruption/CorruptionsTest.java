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
import org.junit.jupiter.params.provider.EnumSource;
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
                List.of(
                        "gaussian_noise",
                        "shot_noise",
                        "impulse_noise",
                        "defocus_blur",
                        "glass_blur",
                        "motion_blur",
                        "zoom_blur",
                        "snow",
                        "frost",
                        "fog",
                        "brightness",
                        "contrast",
                        "elastic_transform",
                        "pixelate",
                        "jpeg_compression"),
                names(Corruptions.set("common")));
        assertEquals(List.of("speckle_noise", "gaussian_blur", "spatter", "saturate"), names(Corruptions.set("extra")));
        assertEquals(19, Corruptions.set("all19").size());
        assertEquals(
                List.of(
                        "blue_noise_sample",
                        "brownish_noise",
                        "caustic_refraction",
                        "checkerboard_cutout",
                        "cocentric_sine_waves",
                        "inverse_sparkles",
                        "perlin_noise",
                        "plasma_noise",
                        "single_frequency_greyscale",
                        "sparkles"),
                names(Corruptions.set("bar")));
        assertEquals(29, Corruptions.all().size());
        assertEquals(names(Corruptions.all()), names(Corruptions.set("all")));
        assertEquals(
                List.of("contrast", "speckle_noise", "gaussian_blur", "spatter", "saturate", "frost"),
                names(Corruptions.select(List.of("contrast", "extra", "frost"))));
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
        String known = String.join(", ", names(Corruptions.all()));
        assertEquals(
                "unknown corruption 'gausian_noise'; known: " + known + "; did you mean gaussian_noise?",
                assertThrows(UserError.class, () -> Corruptions.named("gausian_noise"))
                        .getMessage());
        assertEquals(
                "unknown set of corruptions 'commn'; known: common, extra, all19, bar, quick, all; did you mean common?",
                assertThrows(UserError.class, () -> Corruptions.set("commn")).getMessage());
        assertEquals(
                "unknown corruption or set of corruptions 'quik'; known: common, extra, all19, bar, quick, all, "
                        + known + "; did you mean quick?",
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

    @Property(tries = 120)
    void pixelsDoNotDependOnThreadsOrderOrSubset(
            @ForAll @IntRange(max = 28) int which,
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
    @ValueSource(
            strings = {
                "gaussian_noise",
                "shot_noise",
                "impulse_noise",
                "snow",
                "frost",
                "fog",
                "speckle_noise",
                "spatter"
            })
    void drawsDifferBySeedImageAndSeverity(String name) {
        byte[] pixels = new byte[2 * 1600];
        Arrays.fill(pixels, (byte) 128);
        ImageSet set = ImageSet.of("x", Split.TEST, 40, 40, 1, pixels, new int[2], List.of("a"), List.of());
        Corruption noise = Corruptions.named(name);
        ImageSet one = CorruptedImages.of(set, noise, 1, 7, 1);
        assertFalse(Arrays.equals(one.image(0), one.image(1)));
        assertFalse(Arrays.equals(
                one.image(0), CorruptedImages.of(set, noise, 1, 8, 1).image(0)));
        assertFalse(Arrays.equals(
                one.image(0), CorruptedImages.of(set, noise, 2, 7, 1).image(0)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "gaussian_noise",
                "shot_noise",
                "impulse_noise",
                "speckle_noise",
                "gaussian_blur",
                "zoom_blur",
                "contrast",
                "brightness",
                "fog",
                "pixelate",
                "jpeg_compression"
            })
    void severitiesGrow(String name) {
        ImageSet set = TestImages.random(20, 32, 32, 3, 2, 1);
        double before = 0;
        for (int severity = 1; severity <= 5; severity++) {
            double change = change(set, name, severity);
            assertTrue(change > before, "severity " + severity + ": " + change + " after " + before);
            before = change;
        }
    }

    private static double change(ImageSet set, String name, int severity) {
        ImageSet corrupted = CorruptedImages.of(set, Corruptions.named(name), severity, 3, 2);
        double change = 0;
        for (int i = 0; i < set.size(); i++) {
            byte[] a = set.image(i);
            byte[] b = corrupted.image(i);
            for (int k = 0; k < a.length; k++) {
                change += Math.abs((a[k] & 0xff) - (b[k] & 0xff));
            }
        }
        return change;
    }

    /** Every corruption takes every size of at least 3 pixels, in every constant set, and does something. */
    @ParameterizedTest
    @EnumSource(ConstantSet.class)
    void oddSizesWork(ConstantSet constants) {
        int[][] sizes = {{3, 3}, {3, 17}, {31, 5}, {33, 70}};
        for (int[] size : sizes) {
            for (Corruption corruption : Corruptions.all()) {
                for (int severity = 1; severity <= 5; severity++) {
                    if (corruption.name().equals("pixelate") && (int) (size[0] * 0.25) < 1) {
                        continue;
                    }
                    ImageSet set = TestImages.random(1, size[0], size[1], 3, 1, 5);
                    byte[] image = set.image(0);
                    CorruptedImages.corrupt(
                            image, size[0], size[1], 3, corruption, severity, constants, 1, set.originalIndex(0));
                    ImageSet whole = CorruptedImages.of(set, corruption, severity, constants, 1, 1);
                    assertArrayEquals(whole.image(0), image, corruption.name());
                }
            }
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
        error = assertThrows(
                UserError.class,
                () -> CorruptedImages.of(
                        TestImages.random(1, 2, 8, 3, 2, 1), Corruptions.named("elastic_transform"), 1, 1, 1));
        assertEquals(
                "elastic_transform moves three points of a square of a third of the shorter side: an image of 2x8 is too"
                        + " small; expected sides of at least 3 pixels",
                error.getMessage());
        ImageSet twoChannels = TestImages.random(1, 8, 8, 2, 2, 1);
        assertThrows(UserError.class, () -> CorruptedImages.of(twoChannels, Corruptions.named("contrast"), 3, 1, 1));
    }
}
