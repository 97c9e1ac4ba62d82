package dev.hornbeam.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Training speed beside another program, run in turn: the median step of each, and the ratio of the two, as rows of a
 * Markdown table.
 *
 * <p>Machines drift: other work, temperature, clock. So neither program is measured once and the other later; they alternate,
 * each first in half of the rounds, a ratio is taken within each round, and the figures are medians over rounds. Both
 * programs print one JSON object with {@code step_ms.median}, {@code images_per_second} and {@code batch}.
 *
 * <p>bench/compare-with-pytorch.sh runs it, and says what the environment may hold.
 */
public final class CompareTraining {
    private static final int LEAST_ROUNDS = 5;

    /**
     * A program that measures itself.
     *
     * @param name in messages
     * @param command its words
     */
    record Contestant(String name, List<String> command) {}

    /**
     * The three figures of one quantity over all rounds.
     *
     * @param median of the rounds' figures
     * @param min smallest
     * @param max largest
     */
    record Spread(double median, double min, double max) {
        static Spread of(double[] values) {
            double[] sorted = values.clone();
            Arrays.sort(sorted);
            int n = sorted.length;
            return new Spread((sorted[(n - 1) / 2] + sorted[n / 2]) / 2, sorted[0], sorted[n - 1]);
        }

        @Override
        public String toString() {
            return String.format(Locale.ROOT, "%.2f (%.2f–%.2f)", median, min, max);
        }
    }

    /**
     * What both programs took.
     *
     * @param batch images a step
     * @param ours milliseconds of our median step
     * @param theirs milliseconds of their median step
     * @param ratio theirs over ours: above 1 we are faster
     */
    record Comparison(int batch, Spread ours, Spread theirs, Spread ratio) {}

    private CompareTraining() {}

    /** Compares for each model named; prints a row each. Exits with 1 when a program fails. */
    public static void main(String[] models) {
        Map<String, String> environment = System.getenv();
        if (models.length == 0 || environment.getOrDefault("PEER", "").isBlank()) {
            System.err.println("usage: PEER=peer_train.py bench/compare-with-pytorch.sh MODEL...");
            System.exit(2);
        }
        try {
            run(List.of(models), environment);
        } catch (IllegalArgumentException | IllegalStateException e) {
            System.err.println("compare: error: " + e.getMessage());
            System.exit(1);
        }
    }

    private static void run(List<String> models, Map<String, String> environment) {
        int rounds = number(environment, "ROUNDS", LEAST_ROUNDS);
        int seconds = number(environment, "SECONDS_EACH", 20);
        int threads = number(environment, "THREADS", Runtime.getRuntime().availableProcessors());
        String theirOptions = environment.getOrDefault("PEER_OPTIONS", "").strip();
        System.err.printf("%d rounds of 2 x %d s a model, %d threads%n", rounds, seconds, threads);
        System.out.println("| model | batch | threads | Hornbeam ms/step | images/s | peer"
                + (theirOptions.isEmpty() ? "" : " ") + theirOptions + " ms/step | images/s | peer/Hornbeam |");
        System.out.println("|---|---|---|---|---|---|---|---|");
        for (String model : models) {
            List<String> same = List.of("--seconds", Integer.toString(seconds), "--threads", Integer.toString(threads));
            List<String> ours = new ArrayList<>(engine());
            ours.addAll(List.of("bench", "train", "--json", "--model", model));
            ours.addAll(same);
            List<String> theirs = new ArrayList<>(
                    List.of(environment.getOrDefault("PYTHON", "python3"), environment.get("PEER"), model));
            theirs.addAll(same);
            if (!theirOptions.isEmpty()) {
                theirs.addAll(List.of(theirOptions.split("\\s+")));
            }
            Comparison result =
                    compare(new Contestant("hornbeam", ours), new Contestant("the peer", theirs), rounds, System.err);
            System.out.println(row(model, threads, result));
        }
    }

    private static int number(Map<String, String> environment, String name, int usual) {
        String text = environment.get(name);
        if (text == null || text.isBlank()) {
            return usual;
        }
        try {
            int value = Integer.parseInt(text.strip());
            if (value >= 1) {
                return value;
            }
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw new IllegalArgumentException(name + " is \"" + text + "\"; expected a whole number of at least 1");
    }

    // A process of its own like the other program, with the launcher's options.
    private static List<String> engine() {
        List<String> command = new ArrayList<>(List.of(
                System.getProperty("java.home") + File.separator + "bin" + File.separator + "java",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-Xms64m"));
        String library = System.getProperty("hornbeam.library");
        if (library != null) {
            command.add("-Dhornbeam.library=" + library);
        }
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), "dev.hornbeam.training.cli.Hornbeam"));
        return command;
    }

    /**
     * Runs both in turn.
     *
     * @param log gets a line a round
     * @throws IllegalStateException if one fails, or they did not do the same
     */
    static Comparison compare(Contestant ours, Contestant theirs, int rounds, PrintStream log) {
        double[] our = new double[rounds];
        double[] their = new double[rounds];
        double[] ratio = new double[rounds];
        int batch = 0;
        for (int i = 0; i < rounds; i++) {
            boolean oursFirst = i % 2 == 0;
            JsonNode first = measure(oursFirst ? ours : theirs);
            JsonNode second = measure(oursFirst ? theirs : ours);
            JsonNode a = oursFirst ? first : second;
            JsonNode b = oursFirst ? second : first;
            batch = a.path("batch").asInt();
            if (batch < 1 || batch != b.path("batch").asInt()) {
                throw new IllegalStateException("one program has batches of " + batch + ", the other of "
                        + b.path("batch").asInt() + ": that is not the same work");
            }
            our[i] = milliseconds(a);
            their[i] = milliseconds(b);
            ratio[i] = their[i] / our[i];
            log.printf(Locale.ROOT, "round %d: %.2f ms, peer %.2f ms, ratio %.3f%n", i + 1, our[i], their[i], ratio[i]);
        }
        return new Comparison(batch, Spread.of(our), Spread.of(their), Spread.of(ratio));
    }

    private static double milliseconds(JsonNode result) {
        double median = result.at("/step_ms/median").asDouble();
        if (!(median > 0)) {
            throw new IllegalStateException("there is no step_ms.median in " + result);
        }
        return median;
    }

    private static JsonNode measure(Contestant contestant) {
        String name = contestant.name();
        try {
            Process process = new ProcessBuilder(contestant.command())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            try {
                String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                if (process.waitFor() != 0) {
                    throw new IllegalStateException(name + " ended with exit code " + process.exitValue());
                }
                return new JsonMapper().readTree(text);
            } finally {
                process.destroy();
                process.waitFor(5, TimeUnit.SECONDS);
            }
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(name + " printed no JSON", e);
        } catch (IOException e) {
            throw new IllegalStateException(name + " cannot be run: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    /** The table's row. */
    static String row(String model, int threads, Comparison result) {
        return String.format(
                Locale.ROOT,
                "| %s | %d | %d | %s | %.0f | %s | %.0f | %s |",
                model,
                result.batch(),
                threads,
                result.ours(),
                result.batch() / result.ours().median() * 1e3,
                result.theirs(),
                result.batch() / result.theirs().median() * 1e3,
                result.ratio());
    }
}
