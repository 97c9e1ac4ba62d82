package dev.hornbeam.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.Philox.Purpose;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class PhiloxTest {

    /** Random123 1.14, kat_vectors, philox4x32 10. */
    @Test
    void givesTheKnownAnswers() {
        assertArrayEquals(new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, cipher(0, 0, 0, 0, 0, 0));
        assertArrayEquals(new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, cipher(-1, -1, -1, -1, -1, -1));
        assertArrayEquals(
                new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
                cipher(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0));
    }

    private static int[] cipher(int c0, int c1, int c2, int c3, int k0, int k1) {
        long lower = Philox.cipher(c0, c1, c2, c3, k0, k1, false);
        long upper = Philox.cipher(c0, c1, c2, c3, k0, k1, true);
        return new int[] {(int) lower, (int) (lower >>> 32), (int) upper, (int) (upper >>> 32)};
    }

    /** Every row that testdata/python/philox_reference.py wrote, bit for bit. */
    @Test
    void agreesWithThePythonReference() throws IOException {
        List<String> lines = Files.readAllLines(testdata("philox/draws.csv"));
        assertEquals(254, lines.size());
        for (String line : lines.subList(1, lines.size())) {
            String[] field = line.split(",", -1);
            Philox stream = new Philox(
                    Long.parseUnsignedLong(field[0]),
                    purpose(Integer.parseInt(field[1])),
                    Integer.parseUnsignedInt(field[2]),
                    Integer.parseUnsignedInt(field[3]),
                    Integer.parseInt(field[4]));
            long element = Long.parseLong(field[5]);
            assertEquals(field[6], hex(stream.word(element)), line);
            assertEquals(field[7], hex(Float.floatToRawIntBits(stream.uniform(element))), line);
            assertEquals(field[8], hex(Float.floatToRawIntBits(stream.normal(element))), line);
        }
    }

    private static Purpose purpose(int code) {
        return Arrays.stream(Purpose.values())
                .filter(purpose -> purpose.code() == code)
                .findFirst()
                .orElseThrow();
    }

    @Test
    void purposesAreNumberedByTheirOrder() {
        assertArrayEquals(
                IntStream.range(0, 10).toArray(),
                Arrays.stream(Purpose.values()).mapToInt(Purpose::code).toArray());
    }

    @Test
    void bulkDrawsEqualSingleOnesFromAnyStart() {
        Philox stream = new Philox(-7, Purpose.AUGMENT, 3, 4, 5);
        for (long start : new long[] {0, 1, 2, 3, 4, 1001, Philox.ELEMENTS - 9}) {
            for (int length : new int[] {0, 1, 2, 3, 4, 5, 9}) {
                float[] normals = new float[length];
                float[] uniforms = new float[length];
                stream.normals(start, normals);
                stream.uniforms(start, uniforms);
                for (int i = 0; i < length; i++) {
                    assertEquals(stream.normal(start + i), normals[i], 0.0f);
                    assertEquals(stream.uniform(start + i), uniforms[i], 0.0f);
                }
            }
        }
    }

    /** Moments, tails and the Kolmogorov-Smirnov distance of a million normals, each within 5 standard errors. */
    @Test
    void normalsAreNormal() {
        int n = 1 << 20;
        float[] draws = new float[n];
        new Philox(2024, Purpose.WEIGHT_NOISE, 1, 2, 3).normals(0, draws);
        double mean = 0;
        double second = 0;
        double third = 0;
        double fourth = 0;
        int beyond3 = 0;
        int beyond4 = 0;
        for (float x : draws) {
            double v = x;
            mean += v / n;
            second += v * v / n;
            third += v * v * v / n;
            fourth += v * v * v * v / n;
            beyond3 += Math.abs(v) > 3 ? 1 : 0;
            beyond4 += Math.abs(v) > 4 ? 1 : 0;
        }
        assertEquals(0, mean, 5 * Math.sqrt(1.0 / n));
        assertEquals(1, second, 5 * Math.sqrt(2.0 / n));
        assertEquals(0, third, 5 * Math.sqrt(15.0 / n));
        assertEquals(3, fourth, 5 * Math.sqrt(96.0 / n));
        // Two-sided tail probabilities of the normal distribution.
        double p3 = 0.0026997960632601866;
        double p4 = 6.334248366623996e-5;
        assertEquals(n * p3, beyond3, 5 * Math.sqrt(n * p3));
        assertEquals(n * p4, beyond4, 5 * Math.sqrt(n * p4));

        Arrays.sort(draws);
        double distance = 0;
        for (int i = 0; i < n; i++) {
            double cdf = normalCdf(draws[i]);
            distance = Math.max(distance, Math.max(cdf - (double) i / n, (i + 1.0) / n - cdf));
        }
        // Kolmogorov's distribution: sqrt(n) D > 1.95 has probability 0.001.
        assertTrue(Math.sqrt(n) * distance < 1.95, "sqrt(n) D = " + Math.sqrt(n) * distance);
    }

    @Test
    void belowIsEvenAndInRange() {
        Philox stream = new Philox(5, Purpose.LABEL_NOISE, 0, 0, 0);
        int[] count = new int[10];
        for (int i = 0; i < 100_000; i++) {
            count[stream.below(i, 10)]++;
        }
        // Chi-square with 9 degrees of freedom: above 27.9 with probability 0.001.
        double chi = IntStream.of(count)
                .mapToDouble(c -> (c - 1e4) * (c - 1e4) / 1e4)
                .sum();
        assertTrue(chi < 27.9, "chi-square is " + chi);
        assertEquals(0, stream.below(3, 1));
        for (int i = 0; i < 100; i++) {
            assertEquals(stream.below(i, 10), Philox.below(5, Purpose.LABEL_NOISE, 0, 0, 0, i, 10));
        }
        // The largest bound reaches the upper half of the range, so the word was taken as unsigned.
        assertTrue(IntStream.range(0, 100).anyMatch(i -> stream.below(i, Integer.MAX_VALUE) > 1 << 30));
    }

    @Test
    void permutationHasEveryNumberOnceAndDependsOnTheStep() {
        int[] order = new Philox(1, Purpose.SHUFFLE, 0, 0, 0).permutation(1000);
        int[] sorted = order.clone();
        Arrays.sort(sorted);
        assertArrayEquals(IntStream.range(0, 1000).toArray(), sorted);
        assertArrayEquals(order, new Philox(1, Purpose.SHUFFLE, 0, 0, 0).permutation(1000));
        assertNotEquals(
                Arrays.toString(order), Arrays.toString(new Philox(1, Purpose.SHUFFLE, 0, 1, 0).permutation(1000)));
        assertArrayEquals(new int[0], new Philox(1, Purpose.SHUFFLE, 0, 0, 0).permutation(0));
        assertArrayEquals(new int[] {0}, new Philox(1, Purpose.SHUFFLE, 0, 0, 0).permutation(1));

        // All 6 orders of 3 things come up equally often: chi-square with 5 degrees of freedom, 20.5 at 0.001.
        int[] seen = new int[27];
        for (int step = 0; step < 6000; step++) {
            int[] p = new Philox(1, Purpose.SHUFFLE, 0, step, 0).permutation(3);
            seen[9 * p[0] + 3 * p[1] + p[2]]++;
        }
        assertEquals(6, IntStream.of(seen).filter(c -> c > 0).count());
        double chi = IntStream.of(seen)
                .filter(c -> c > 0)
                .mapToDouble(c -> (c - 1e3) * (c - 1e3) / 1e3)
                .sum();
        assertTrue(chi < 20.5, "chi-square is " + chi);
    }

    @Test
    void rejectsWhatIsOutOfRange() {
        Philox stream = new Philox(0, Purpose.TEST, 0, 0, 0);
        assertThrows(NullPointerException.class, () -> new Philox(0, null, 0, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> new Philox(0, Purpose.TEST, 0, 0, -1));
        assertThrows(IllegalArgumentException.class, () -> new Philox(0, Purpose.TEST, 0, 0, 1 << 24));
        assertThrows(IllegalArgumentException.class, () -> stream.word(-1));
        assertThrows(IllegalArgumentException.class, () -> stream.normal(Philox.ELEMENTS));
        assertThrows(IllegalArgumentException.class, () -> stream.normals(Philox.ELEMENTS - 3, new float[4]));
        assertThrows(IllegalArgumentException.class, () -> stream.below(0, 0));
        assertThrows(IllegalArgumentException.class, () -> stream.below(-1, 2));
        assertThrows(IllegalArgumentException.class, () -> Philox.below(0, Purpose.TEST, 0, 0, 1 << 24, 0, 2));
        assertThrows(IllegalArgumentException.class, () -> stream.permutation(-1));
        var error = assertThrows(IllegalArgumentException.class, () -> stream.uniform(-5));
        assertEquals("element is -5; expected 0 to 17179869183", error.getMessage());
    }

    private static String hex(int bits) {
        return String.format("%08x", bits);
    }

    private static Path testdata(String name) {
        for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
            if (Files.isDirectory(folder.resolve("testdata/philox"))) {
                return folder.resolve("testdata").resolve(name);
            }
        }
        throw new AssertionError("no folder testdata above " + Path.of("").toAbsolutePath());
    }

    /** By Simpson's rule from 0 where that is accurate to 1e-9, far closer than the distances tested. */
    private static double normalCdf(double x) {
        double to = Math.min(Math.abs(x), 8);
        int steps = 64;
        double h = to / steps;
        double sum = 0;
        for (int i = 0; i <= steps; i++) {
            double weight = i == 0 || i == steps ? 1 : i % 2 == 1 ? 4 : 2;
            sum += weight * Math.exp(-0.5 * h * i * h * i);
        }
        double half = sum * h / 3 / Math.sqrt(2 * Math.PI);
        return x < 0 ? 0.5 - half : 0.5 + half;
    }
}
