package dev.hornbeam.training.augmentation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.Augmentation;
import dev.hornbeam.training.data.Batch;
import dev.hornbeam.training.data.BatchLoader;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.ImageSource;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.data.Preparation;
import dev.hornbeam.training.data.Split;
import dev.hornbeam.training.image.Background;
import dev.hornbeam.training.image.Interpolation;
import dev.hornbeam.training.image.PixelImage;
import dev.hornbeam.training.image.Preprocessing;
import dev.hornbeam.training.image.Resampling;
import dev.hornbeam.training.image.Resize;
import dev.hornbeam.training.random.DrawSequence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class AugmentationPipelineTest {
    private static final int SIDE = 16;

    private static PixelImage noise(int width, int height, int channels, int stream) {
        Philox draw = new Philox(3, Purpose.TEST, 0, 0, stream);
        byte[] pixels = new byte[width * height * channels];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) draw.below(i, 256);
        }
        return new PixelImage(width, height, channels, pixels);
    }

    private static ImageSet set(int count, int channels) {
        byte[] pixels = noise(SIDE, SIDE * count, 1, channels).pixels();
        byte[] all = new byte[pixels.length * channels];
        for (int i = 0; i < all.length; i++) {
            all[i] = (byte) (pixels[i / channels] + 5 * (i % channels));
        }
        return ImageSet.of(
                "noise", Split.TRAIN, SIDE, SIDE, channels, all, new int[count], List.of("a", "b"), List.of());
    }

    private static Normalization normalization(int channels) {
        return channels == 1
                ? new Normalization(List.of(0.4), List.of(0.25))
                : new Normalization(List.of(0.4, 0.5, 0.6), List.of(0.25, 0.2, 0.3));
    }

    private static AugmentationPipeline.Builder pipeline(int channels) {
        return AugmentationPipeline.of(normalization(channels), 11);
    }

    private static float[] prepared(Preparation preparation, ImageSet set, int position, int epoch) {
        float[] out = new float[set.imageLength()];
        preparation.prepare(set, position, epoch, out, 0, new byte[set.imageLength()]);
        return out;
    }

    /** One pipeline for each change, and one with several. */
    private static Map<String, AugmentationPipeline> everyKind(int channels) {
        Map<String, AugmentationPipeline> all = new TreeMap<>();
        all.put("pad", pipeline(channels).pad(4).flip().build());
        all.put(
                "crop",
                pipeline(channels)
                        .inceptionCrop(InceptionCrop.PUBLISHED, Interpolation.BILINEAR)
                        .build());
        all.put("rand", pipeline(channels).randAugment(2, 10).build());
        all.put("mix", pipeline(channels).augMix(3, 3, 0, 1).build());
        all.put("jitter", pipeline(channels).colourJitter(0.4, 0.4, 0.4, 0.1).build());
        all.put(
                "erasing",
                pipeline(channels)
                        .erasing(new RandomErasing(1, 0.02, 0.33, RandomErasing.Fill.NOISE))
                        .build());
        all.put(
                "all",
                pipeline(channels)
                        .inceptionCrop(InceptionCrop.PUBLISHED, Interpolation.BICUBIC)
                        .flip()
                        .randAugment(2, 15)
                        .augMix(3, 2, 2, 0.5)
                        .colourJitter(0.1, 0.2, 0.3, 0.4)
                        .erasing(new RandomErasing(0.5, 0.02, 0.33, RandomErasing.Fill.MEAN))
                        .build());
        return all;
    }

    @Property(tries = 50)
    void cropsAndMirrorsAsTheSimpleAugmentationDoes(
            @ForAll @IntRange(max = 20) int padding, @ForAll boolean flip, @ForAll long seed) {
        ImageSet set = set(2, 3);
        AugmentationPipeline.Builder builder =
                AugmentationPipeline.of(normalization(3), seed).pad(padding);
        assertArrayEquals(
                prepared(Augmentation.of(normalization(3), padding, flip, seed), set, 1, 7),
                prepared((flip ? builder.flip() : builder).build(), set, 1, 7));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void workersAndSeekingChangeNoPixel(int channels) {
        ImageSet set = set(24, channels);
        everyKind(channels).forEach((name, pipeline) -> {
            List<float[]> alone = batches(set, pipeline, 0, 0);
            assertEquals(12, alone.size());
            List<float[]> together = batches(set, pipeline, 3, 0);
            for (int i = 0; i < alone.size(); i++) {
                assertArrayEquals(alone.get(i), together.get(i), name + ", batch " + i);
            }
            List<float[]> resumed = batches(set, pipeline, 2, 7);
            assertArrayEquals(alone.get(7), resumed.get(0), name);
            assertArrayEquals(alone.get(11), resumed.get(4), name);
        });
    }

    private static List<float[]> batches(ImageSet set, Preparation preparation, int workers, int from) {
        List<float[]> batches = new ArrayList<>();
        try (BatchLoader loader = BatchLoader.of(set, preparation)
                .batchSize(8)
                .shuffle(5)
                .workers(workers)
                .epochs(4)
                .open()) {
            loader.seek(new BatchLoader.Position(from / 3, from % 3));
            while (loader.hasNext()) {
                Batch batch = loader.next();
                batches.add(batch.images().clone());
            }
        }
        return batches;
    }

    @Test
    void everyEpochAndViewIsAnother() {
        ImageSet set = set(1, 3);
        everyKind(3).forEach((name, pipeline) -> {
            float[] first = prepared(pipeline, set, 0, 0);
            assertArrayEquals(first, prepared(pipeline, set, 0, 0), name);
            int same = 0;
            for (int epoch = 1; epoch <= 20; epoch++) {
                same += Arrays.equals(first, prepared(pipeline, set, 0, epoch)) ? 1 : 0;
                same += Arrays.equals(first, prepared(pipeline.withView(epoch), set, 0, 0)) ? 1 : 0;
            }
            assertTrue(same <= 4, name + " gave the same image " + same + " times of 40");
        });
    }

    @Test
    void shownImagesAreThoseOfTraining() {
        ImageSet set = set(3, 3);
        Normalization normalization = normalization(3);
        float[] table = normalization.table();
        everyKind(3).forEach((name, pipeline) -> {
            PixelImage shown = pipeline.augment(set.original(2), 2, 4, SIDE, SIDE);
            float[] trained = prepared(pipeline, set, 2, 4);
            for (int i = 0; i < trained.length; i++) {
                float seen = table[256 * (i % 3) + (shown.pixels()[i] & 0xff)];
                // Noise beyond black and white is not to be seen; what is put there as the mean is rounded.
                boolean beyond = (shown.pixels()[i] & 0xff) == 0 || (shown.pixels()[i] & 0xff) == 255;
                assertTrue(beyond || Math.abs(seen - trained[i]) < 0.011, name + " at " + i);
            }
        });
    }

    @Test
    void aPartOfAPhotographIsTakenFromItsOwnPixels() {
        List<PixelImage> photographs = List.of(noise(61, 40, 3, 1), noise(33, 70, 1, 2));
        ImageSource source = new ImageSource() {
            @Override
            public PixelImage image(int place) {
                return photographs.get(place);
            }

            @Override
            public String describe(int place) {
                return "photograph " + place;
            }

            @Override
            public String identity(int place) {
                return describe(place);
            }
        };
        ImageSet set = ImageSet.onDemand(
                "photographs",
                Split.TRAIN,
                source,
                new Preprocessing(SIDE, SIDE, 3, new Resize.ShorterSide(20), Interpolation.BILINEAR, Background.WHITE),
                new int[] {0, 1},
                List.of("a", "b"),
                List.of());
        AugmentationPipeline pipeline = pipeline(3)
                .inceptionCrop(InceptionCrop.PUBLISHED, Interpolation.BILINEAR)
                .build();
        float[] table = normalization(3).table();
        for (int i = 0; i < 2; i++) {
            PixelImage photograph = photographs.get(i);
            InceptionCrop.Box box = InceptionCrop.PUBLISHED.draw(
                    photograph.width(), photograph.height(), new DrawSequence(11, Purpose.AUGMENT, i, 3, 1));
            PixelImage expected = Resampling.resize(
                    photograph.withChannels(3).crop(box.left(), box.top(), box.width(), box.height()),
                    SIDE,
                    SIDE,
                    Interpolation.BILINEAR);
            float[] actual = prepared(pipeline, set, i, 3);
            for (int k = 0; k < actual.length; k++) {
                assertEquals(table[256 * (k % 3) + (expected.pixels()[k] & 0xff)], actual[k]);
            }
        }
    }

    @Property(tries = 300)
    void windowsLieWithinTheImageAndHaveTheRightShape(
            @ForAll @IntRange(min = 1, max = 600) int width,
            @ForAll @IntRange(min = 1, max = 600) int height,
            @ForAll long seed) {
        InceptionCrop.Box box =
                InceptionCrop.PUBLISHED.draw(width, height, new DrawSequence(seed, Purpose.TEST, 0, 0, 0));
        assertTrue(box.left() >= 0 && box.top() >= 0 && box.width() >= 1 && box.height() >= 1);
        assertTrue(box.left() + box.width() <= width && box.top() + box.height() <= height);
        // Sides are rounded by up to half a pixel each.
        if (width > 30 && height > 30 && width < 4 * height && height < 4 * width) {
            double ratio = (double) box.width() / box.height();
            assertTrue(ratio > 0.75 * 0.85 && ratio < 4 / 3.0 * 1.18, "ratio " + ratio);
        }
    }

    @Test
    void areasAreUniformAndNarrowImagesGiveTheirCentre() {
        DrawSequence draws = new DrawSequence(1, Purpose.TEST, 0, 0, 9);
        double sum = 0;
        int count = 4000;
        for (int i = 0; i < count; i++) {
            // With few areas refused for not fitting.
            InceptionCrop.Box box = new InceptionCrop(0.1, 0.6, 0.9, 1.1).draw(500, 500, draws);
            sum += box.width() * (double) box.height() / 250_000;
        }
        assertEquals(0.35, sum / count, 5 * 0.5 / Math.sqrt(12.0 * count));
        // No window of 3:4 to 4:3 and half of the area fits into this one.
        assertEquals(
                new InceptionCrop.Box(190, 0, 20, 15), new InceptionCrop(0.5, 1, 0.75, 4.0 / 3).draw(400, 15, draws));
        assertEquals(
                new InceptionCrop.Box(0, 190, 15, 20), new InceptionCrop(0.5, 1, 0.75, 4.0 / 3).draw(15, 400, draws));
    }

    @Test
    void randAugmentAppliesWhatItDraws() {
        PixelImage image = noise(20, 14, 3, 4);
        boolean[] seen = new boolean[Operation.count()];
        for (int epoch = 0; epoch < 150; epoch++) {
            PixelImage actual =
                    pipeline(3).randAugment(1, 12).build().augment(image, 9, epoch, image.width(), image.height());
            Philox draw = new Philox(11, Purpose.AUGMENT, 9, epoch, 2);
            Operation operation = Operation.of(draw.below(0, 14));
            double magnitude = operation.magnitude(12, 20, 14);
            Canvas canvas = new Canvas();
            canvas.load(image);
            operation.apply(canvas, operation.isSigned() && draw.below(1, 2) == 1 ? -magnitude : magnitude);
            assertArrayEquals(canvas.toImage().pixels(), actual.pixels(), operation.toString());
            seen[draw.below(0, 14)] = true;
        }
        for (boolean one : seen) {
            assertTrue(one);
        }
    }

    @Test
    void augMixOfOneChainIsABlendWithIt() {
        // A flat image changes by posterising and solarising alone, and moved edges; the mean of the image and its
        // chain.
        PixelImage image = noise(18, 18, 3, 6);
        for (int epoch = 0; epoch < 40; epoch++) {
            PixelImage mixed = pipeline(3).augMix(3, 1, 1, 1).build().augment(image, 0, epoch, 18, 18);
            DrawSequence draws = new DrawSequence(11, Purpose.AUGMENT, 0, epoch, 3);
            draws.dirichlet(1, new double[1]);
            double share = draws.beta(1, 1);
            int number = draws.below(9);
            Canvas chain = new Canvas();
            chain.load(image);
            switch (number) {
                case 0 -> Tones.autoContrast(chain);
                case 1 -> Tones.equalize(chain);
                case 2 -> Tones.posterize(chain, 4 - (int) (draws.between(0.1, 3) * 4 / 10));
                case 4 -> Tones.solarize(chain, 256 - (int) (draws.between(0.1, 3) * 256 / 10));
                default -> {
                    // Those that move pixels are tested with the operations.
                    continue;
                }
            }
            for (int i = 0; i < mixed.pixels().length; i++) {
                double expected = (1 - share) * (image.pixels()[i] & 0xff) + share * (chain.pixels()[i] & 0xff);
                assertEquals(expected, mixed.pixels()[i] & 0xff, 0.51);
            }
        }
    }

    @Test
    void erasesTheShareThatItIsGiven() {
        ImageSet set = set(1, 3);
        AugmentationPipeline pipeline = pipeline(3)
                .erasing(new RandomErasing(0.5, 0.1, 0.3, RandomErasing.Fill.MEAN))
                .build();
        float[] whole = prepared(pipeline(3).build(), set, 0, 0);
        int erased = 0;
        int count = 400;
        for (int epoch = 0; epoch < count; epoch++) {
            float[] image = prepared(pipeline, set, 0, epoch);
            int changed = 0;
            for (int i = 0; i < image.length; i++) {
                if (image[i] != whole[i]) {
                    assertEquals(0, image[i]);
                    changed++;
                }
            }
            erased += changed > 0 ? 1 : 0;
            // Sides are rounded.
            assertTrue(changed == 0 || (changed > 0.06 * image.length && changed < 0.38 * image.length));
        }
        assertEquals(0.5 * count, erased, 4 * Math.sqrt(0.25 * count));
    }

    @Test
    void noJitterChangesNothingAndHueKeepsTheBrightestChannel() {
        PixelImage image = noise(9, 9, 3, 8);
        assertArrayEquals(
                image.pixels(),
                pipeline(3)
                        .colourJitter(0, 0, 0, 0)
                        .build()
                        .augment(image, 0, 0, 9, 9)
                        .pixels());
        PixelImage turned = pipeline(3).colourJitter(0, 0, 0, 0.5).build().augment(image, 0, 0, 9, 9);
        assertFalse(Arrays.equals(image.pixels(), turned.pixels()));
        for (int i = 0; i < image.pixels().length; i += 3) {
            assertEquals(brightest(image, i), brightest(turned, i));
        }
    }

    private static int brightest(PixelImage image, int at) {
        return Math.max(
                image.pixels()[at] & 0xff, Math.max(image.pixels()[at + 1] & 0xff, image.pixels()[at + 2] & 0xff));
    }

    @Test
    void settingsAreChecked() {
        assertThrows(UserError.class, () -> pipeline(3).pad(-1));
        assertThrows(UserError.class, () -> pipeline(3).randAugment(1, 31));
        assertThrows(UserError.class, () -> pipeline(3).augMix(3, 3, 0, 0));
        assertThrows(UserError.class, () -> pipeline(3).colourJitter(0, 0, 0, 0.6));
        assertThrows(UserError.class, () -> new RandomErasing(1, 0, 0.3, RandomErasing.Fill.MEAN));
        assertThrows(UserError.class, () -> new InceptionCrop(0.5, 0.4, 1, 1));
        AugmentationPipeline.Builder two =
                pipeline(3).pad(1).inceptionCrop(InceptionCrop.PUBLISHED, Interpolation.BILINEAR);
        assertThrows(UserError.class, two::build);
        UserError error =
                assertThrows(UserError.class, () -> prepared(pipeline(3).build(), set(1, 1), 0, 0));
        assertEquals(
                "noise: images have 1 channels, but mean and standard deviation are given for 3", error.getMessage());
    }
}
