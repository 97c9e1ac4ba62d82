package dev.hornbeam.bench;

import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.corruption.ConstantSet;
import dev.hornbeam.training.corruption.CorruptedImages;
import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.corruption.Corruptions;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Processor time that a corruption takes for an image, on one thread, beside that of bench/peer/corruptions.py.
 *
 * <p>Prints a table in Markdown: microseconds for an image of 32x32 (cifar constants) and of 224x224 (imagenet constants),
 * the mean over the five severities. Both programs get the same image. Arguments: the Python program to run the other
 * side with, or none to measure this side alone; behind it, names of corruptions or of sets of them, if not all.
 */
public final class CorruptionSpeed {
    private static final ThreadMXBean CPU = ManagementFactory.getThreadMXBean();
    private static final long WARM_UP_NANOS = 500_000_000L;
    private static final int ROUNDS = 5;
    // That a severity is measured with before the next.
    private static final int IMAGES = 16;

    private CorruptionSpeed() {}

    /** Measures and prints. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        Engine.setThreads(1);
        List<String> names = Arrays.asList(arguments).subList(Math.min(1, arguments.length), arguments.length);
        List<Corruption> all = Corruptions.select(names.isEmpty() ? List.of("all") : names);
        Map<Integer, Map<String, Double>> ours = new HashMap<>();
        Map<Integer, Map<String, Double>> theirs = new HashMap<>();
        for (int side : new int[] {32, 224}) {
            byte[] image = image(side);
            if (arguments.length > 0) {
                theirs.put(side, peer(arguments[0], image, side, all));
            }
            Map<String, Double> times = new HashMap<>();
            for (Corruption corruption : all) {
                times.put(corruption.name(), micros(corruption, image, side));
            }
            ours.put(side, times);
        }
        System.out.println(
                "| corruption | Python, 32 px | Hornbeam, 32 px | times faster | Python, 224 px | Hornbeam, 224 px |"
                        + " times faster |");
        System.out.println("|---|---|---|---|---|---|---|");
        for (Corruption corruption : all) {
            StringBuilder row = new StringBuilder("| `" + corruption.name() + "` |");
            for (int side : new int[] {32, 224}) {
                double own = ours.get(side).get(corruption.name());
                Double other = theirs.getOrDefault(side, Map.of()).get(corruption.name());
                row.append(String.format(
                        Locale.ROOT,
                        " %s | %.1f µs | %s |",
                        other == null ? "–" : String.format(Locale.ROOT, "%.0f µs", other),
                        own,
                        other == null ? "–" : String.format(Locale.ROOT, "%.1f", other / own)));
            }
            System.out.println(row);
        }
    }

    // A smooth image with some noise, as photographs have it.
    private static byte[] image(int side) {
        Philox noise = new Philox(1, Purpose.TEST, 0, 0, 0);
        byte[] image = new byte[side * side * 3];
        for (int y = 0, k = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                for (int c = 0; c < 3; c++, k++) {
                    double level = 128 + 70 * Math.sin(7.0 * x / side + c) * Math.cos(5.0 * y / side - c);
                    image[k] = (byte) Math.clamp(Math.round(level + 8 * noise.normal(k)), 0, 255);
                }
            }
        }
        return image;
    }

    // The median over the rounds of the mean over the severities.
    private static double micros(Corruption corruption, byte[] image, int side) {
        ConstantSet constants = ConstantSet.forSize(side, side);
        long start = CPU.getCurrentThreadCpuTime();
        do {
            everySeverity(image, side, corruption, constants);
        } while (CPU.getCurrentThreadCpuTime() - start < WARM_UP_NANOS);
        double[] rounds = new double[ROUNDS];
        for (int r = 0; r < ROUNDS; r++) {
            start = CPU.getCurrentThreadCpuTime();
            int runs = 0;
            do {
                everySeverity(image, side, corruption, constants);
                runs += IMAGES;
            } while (CPU.getCurrentThreadCpuTime() - start < WARM_UP_NANOS / 10);
            rounds[r] = (CPU.getCurrentThreadCpuTime() - start) / (5e3 * runs);
        }
        Arrays.sort(rounds);
        return rounds[ROUNDS / 2];
    }

    // Image after image, as a job that corrupts a set does: what is random differs.
    private static void everySeverity(byte[] image, int side, Corruption corruption, ConstantSet constants) {
        byte[] corrupted = new byte[image.length];
        for (int severity = Corruptions.MILDEST; severity <= Corruptions.STRONGEST; severity++) {
            for (int index = 0; index < IMAGES; index++) {
                System.arraycopy(image, 0, corrupted, 0, image.length);
                CorruptedImages.corrupt(corrupted, side, side, 3, corruption, severity, constants, 1, index);
            }
        }
    }

    private static Map<String, Double> peer(String python, byte[] image, int side, List<Corruption> corruptions)
            throws IOException, InterruptedException {
        Path file = Files.createTempFile("hornbeam-bench", ".rgb");
        try {
            Files.write(file, image);
            List<String> command = new ArrayList<>(
                    List.of(python, "bench/peer/corruptions.py", file.toString(), Integer.toString(side)));
            corruptions.forEach(corruption -> command.add(corruption.name()));
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                throw new IOException(String.join(" ", command) + " failed");
            }
            Map<String, Double> times = new HashMap<>();
            printed.lines().forEach(line -> {
                int space = line.indexOf(' ');
                times.put(line.substring(0, space), Double.parseDouble(line.substring(space + 1)));
            });
            return times;
        } finally {
            Files.delete(file);
        }
    }
}
