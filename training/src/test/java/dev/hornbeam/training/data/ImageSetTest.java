package dev.hornbeam.training.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class ImageSetTest {
    private static final List<String> TWO = List.of("cat", "dog");

    private static ImageSet counting(int count) {
        byte[] pixels = new byte[count * 6];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) i;
        }
        int[] labels = IntStream.range(0, count).map(i -> i % 2).toArray();
        return ImageSet.of("counting", Split.TRAIN, 1, 2, 3, pixels, labels, TWO, List.of());
    }

    @Test
    void imagesLieOneAfterTheOther() {
        ImageSet set = counting(4);
        assertEquals(4, set.size());
        assertEquals(6, set.imageLength());
        assertArrayEquals(new byte[] {12, 13, 14, 15, 16, 17}, set.image(2));
        assertEquals(1, set.label(3));
        assertEquals("counting TRAIN: 4 images of 1x2x3, 2 classes", set.toString());
    }

    @Test
    void subsetsOfSubsetsKeepTheOriginalIndex() {
        ImageSet set = counting(10).subset(7, 3, 5, 9).subset(3, 0, 0);
        assertEquals(3, set.size());
        assertEquals(9, set.originalIndex(0));
        assertEquals(7, set.originalIndex(1));
        assertEquals(7, set.originalIndex(2));
        assertArrayEquals(counting(10).image(9), set.image(0));
        assertEquals(1, set.label(2));
        assertThrows(IndexOutOfBoundsException.class, () -> set.subset(3));
    }

    @Test
    void replacedPixelsKeepTheOriginalIndex() {
        ImageSet set = counting(10).subset(7, 3);
        ImageSet changed = set.withPixels(new byte[] {1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2});
        assertArrayEquals(new byte[] {2, 2, 2, 2, 2, 2}, changed.image(1));
        assertEquals(3, changed.originalIndex(1));
        assertArrayEquals(set.labels(), changed.labels());
        assertArrayEquals(new byte[] {2, 2, 2, 2, 2, 2}, changed.subset(1).image(0));
        assertThrows(IllegalArgumentException.class, () -> set.withPixels(new byte[11]));
    }

    @Test
    void labelsCanBeReplacedAndAreChecked() {
        ImageSet set = counting(3).withLabels(new int[] {1, 1, 0});
        assertArrayEquals(new int[] {1, 1, 0}, set.labels());
        UserError error = assertThrows(UserError.class, () -> counting(3).withLabels(new int[] {0, 2, 0}));
        assertEquals("counting: label 2 of image 1 is outside 0..1 (2 classes)", error.getMessage());
        assertThrows(IllegalArgumentException.class, () -> counting(3).withLabels(new int[] {0, 1}));
    }

    @Test
    void sizesMustFitTogether() {
        UserError error = assertThrows(
                UserError.class,
                () -> ImageSet.of("x", Split.TEST, 2, 2, 1, new byte[7], new int[] {0, 1}, TWO, List.of()));
        assertEquals("x: 2 images of 2x2x1 take 8 bytes, but there are 7", error.getMessage());
    }

    @Test
    void stratifiedSplitTakesTheSameShareOfEveryClass() {
        // 100 images of class 0, 40 of class 1, 7 of class 2.
        int[] labels = IntStream.concat(
                        IntStream.concat(
                                IntStream.generate(() -> 0).limit(100),
                                IntStream.generate(() -> 1).limit(40)),
                        IntStream.generate(() -> 2).limit(7))
                .toArray();
        ImageSet set = ImageSet.of("x", Split.TRAIN, 1, 1, 1, new byte[147], labels, List.of("a", "b", "c"), List.of());
        ImageSet.Division parts = set.stratifiedSplit(0.1, 5);
        int[] held = new int[3];
        for (int i = 0; i < parts.heldOut().size(); i++) {
            held[parts.heldOut().label(i)]++;
        }
        assertArrayEquals(new int[] {10, 4, 1}, held);
        assertEquals(Split.VALIDATION, parts.heldOut().split());
        assertEquals(Split.TRAIN, parts.remaining().split());
        int[] all = IntStream.concat(originals(parts.heldOut()), originals(parts.remaining()))
                .sorted()
                .toArray();
        assertArrayEquals(IntStream.range(0, 147).toArray(), all);
        int[] rest = originals(parts.remaining()).toArray();
        assertArrayEquals(Arrays.stream(rest).sorted().toArray(), rest);
        assertArrayEquals(
                originals(parts.heldOut()).toArray(),
                originals(set.stratifiedSplit(0.1, 5).heldOut()).toArray());
        assertNotEquals(
                originals(parts.heldOut()).boxed().toList(),
                originals(set.stratifiedSplit(0.1, 6).heldOut()).boxed().toList());
        assertThrows(UserError.class, () -> set.stratifiedSplit(1.5, 5));
    }

    private static IntStream originals(ImageSet set) {
        return IntStream.range(0, set.size()).map(set::originalIndex);
    }

    /**
     * The expected value is from Python: {@code h = hashlib.sha256(struct.pack('>5i', 2, 1, 2, 3, 2)); h.update(bytes(range(12)));
     * h.update(struct.pack('>2i', 0, 1)); h.hexdigest()}.
     */
    @Test
    void checksumCoversSizesPixelsAndLabels() {
        String expected = "3a7ea8302e30833e7f0dd82f883a427af0f3f8f8305e2a7ffbb74238f9c36091";
        assertEquals(expected, counting(2).checksum());
        assertEquals(expected, counting(5).subset(0, 1).checksum());
        assertNotEquals(expected, counting(2).withLabels(new int[] {0, 0}).checksum());
        assertTrue(counting(3).checksum().matches("[0-9a-f]{64}"));
    }
}
