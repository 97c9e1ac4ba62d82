package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ProgressTest {
    private static final long SECOND = 1_000_000_000L;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private long now = 17;

    @Test
    void plainLinesEveryThirtySecondsAndEveryEpoch() {
        try (Progress progress = progress(Progress.Mode.PLAIN)) {
            progress.start("DAMP", 0, 10, 4000);
            // 100 images a second: an epoch of 40 s, so one line within it, at 30 s.
            for (int i = 0; i < 40; i++) {
                now += SECOND;
                progress.batch(100, 1.5, .25);
            }
            now += 10 * SECOND;
            progress.epochDone(row(1, Double.NaN));
            now += 20 * SECOND;
            progress.batch(2000, 1.25, .5);
        }
        assertEquals("""
                DAMP  epoch  1/10   75%  loss 1.500  acc 25.0%  100 images/s  ETA 6:10
                DAMP  epoch  1/10  loss 1.000  train 75.00%  lr 0.0500  100 images/s  0:40  ETA 7:30
                """, text());
    }

    @Test
    void lastEpochHasNoTimeLeft() {
        try (Progress progress = progress(Progress.Mode.PLAIN)) {
            progress.start("", 1, 2, 4000);
            now += 40 * SECOND;
            progress.batch(4000, 1.5, .25);
            progress.epochDone(row(2, .875));
            progress.line("done");
        }
        assertEquals("""
                epoch 2/2  100%  loss 1.500  acc 25.0%  100 images/s  ETA 0:00
                epoch 2/2  loss 1.000  train 75.00%  test 87.50%  lr 0.0500  100 images/s  0:40
                done
                """, text());
    }

    @Test
    void stagesAreQuietUnlessTheyTakeLong() {
        try (Progress progress = progress(Progress.Mode.PLAIN)) {
            progress.start("", 0, 1, 100);
            progress.stage("contrast 3", 200);
            now += 29 * SECOND;
            progress.stageAdvance(50);
            now += SECOND;
            progress.stageAdvance(50);
            progress.stageDone();
        }
        assertEquals("contrast 3   50%  3 images/s  ETA 0:30\n", text());
    }

    @Test
    void silentIsSilent() {
        try (Progress progress = progress(Progress.Mode.SILENT)) {
            progress.start("", 0, 1, 100);
            now += 40 * SECOND;
            progress.batch(100, 1, 1);
            progress.epochDone(row(1, .5));
            progress.stage("s", 1);
            progress.stageAdvance(1);
            progress.stageDone();
            progress.line("x");
        }
        assertEquals("", text());
    }

    @Test
    void barIsClearedBeforeALine() {
        try (Progress progress = progress(Progress.Mode.BAR)) {
            progress.start("DAMP", 0, 2, 100);
            now += SECOND;
            progress.batch(50, 1.5, .25);
            progress.epochDone(row(1, .875));
        }
        String text = text();
        assertEquals(
                1, text.lines().filter(line -> line.contains("test 87.50%")).count());
        // Before the line that stays: a return, blanks over whatever was drawn, and a return.
        assertTrue(text.matches("(?s).*\\r *\\rDAMP  epoch 1/2  loss 1\\.000 [^\\r]*\\n"), text.replace("\r", "<CR>"));
    }

    @Test
    void noBarOnATerminalThatCannotDrawOne() {
        assertFalse(Progress.isTerminal(Map.of("TERM", "dumb")));
        assertFalse(Progress.isTerminal(Map.of()));
    }

    @Test
    void barFitsItsLine() {
        assertEquals(
                "epoch 3/9  ━━━━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌   50%  loss 1.0",
                Progress.render("epoch 3/9", 50, 100, "loss 1.0", 100, true));
        assertEquals(
                "epoch 3/9  ==========   99%  loss 1.0".replace("==========  ", "=========-  "),
                Progress.render("epoch 3/9", 999, 1000, "loss 1.0", 37, false));
        assertEquals("epoch 3/9  100%  loss 1", Progress.render("epoch 3/9", 100, 100, "loss 1.0", 23, true));
        assertEquals("", Progress.render("epoch", 1, 1, null, 0, true));
        assertEquals("test    0%", Progress.render("test", 0, 0, "", 10, false));
    }

    @ParameterizedTest
    @CsvSource({"0, 0:00", "59.4, 0:59", "59.6, 1:00", "3599, 59:59", "3600, 1:00:00", "360000, 100:00:00"})
    void durations(double seconds, String expected) {
        assertEquals(expected, Progress.duration(seconds));
    }

    private Progress progress(Progress.Mode mode) {
        return new Progress(mode, new PrintStream(bytes, true, StandardCharsets.UTF_8), () -> now);
    }

    private String text() {
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private static EpochRow row(int epoch, double testAccuracy) {
        return new EpochRow(epoch, 40L * epoch, .05, 1, .75, .5, testAccuracy, 40, 100, Map.of());
    }
}
