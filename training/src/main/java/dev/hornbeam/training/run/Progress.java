package dev.hornbeam.training.run;

import java.io.Console;
import java.io.PrintStream;
import java.nio.charset.CharsetEncoder;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressState;

/**
 * Shows a person how far a run is: a bar on a terminal, plain lines elsewhere, or nothing.
 *
 * <p>Both show loss, accuracy, images per second and the time left. A finished epoch leaves one line in either form;
 * without a bar a line also comes every 30 seconds within an epoch. One thread uses it.
 *
 * <pre>{@code
 * try (Progress progress = Progress.create(Progress.Mode.AUTO, System.err)) {
 *     progress.start("damp", 0, epochs, imagesPerEpoch);
 *     // per epoch: progress.batch(images, meanLoss, accuracy) for each batch, then progress.epochDone(row)
 * }
 * }</pre>
 */
public final class Progress implements AutoCloseable {
    private static final long PLAIN_INTERVAL_NANOS = 30_000_000_000L;
    private static final int BAR_UPDATE_MILLIS = 200;

    private final Mode mode;
    private final PrintStream out;
    private final LongSupplier nanoClock;

    private String label = "";
    private int epochs;
    private int epoch;
    private long imagesPerEpoch;
    private long startNanos;
    private long imagesSinceStart;
    private long epochStartNanos;
    private long imagesOfEpoch;
    private long lastLineNanos;
    private Stage stage;
    private ProgressBar bar;
    private BarLine barLine;

    /** How progress is shown. */
    public enum Mode {
        /** {@link #BAR} on a terminal, {@link #PLAIN} elsewhere. */
        AUTO,
        /** A bar that is drawn anew in its line. */
        BAR,
        /** Lines of text only. */
        PLAIN,
        /** Nothing. */
        SILENT
    }

    /** A part of the work outside the epochs. */
    private record Stage(String label, long total, long done, long startNanos) {
        Stage advance(long more) {
            return new Stage(label, total, done + more, startNanos);
        }
    }

    Progress(Mode mode, PrintStream out, LongSupplier nanoClock) {
        this.mode = mode == Mode.AUTO ? (isTerminal(System.getenv()) ? Mode.BAR : Mode.PLAIN) : mode;
        this.out = out;
        this.nanoClock = nanoClock;
        this.lastLineNanos = nanoClock.getAsLong();
    }

    /**
     * Creates a display.
     *
     * @param out where to show it; a bar needs this to be the terminal
     */
    public static Progress create(Mode mode, PrintStream out) {
        return new Progress(mode, out, System::nanoTime);
    }

    /** Creates a display that shows nothing, for tests and for output that a program reads. */
    public static Progress silent() {
        return create(Mode.SILENT, System.err);
    }

    /**
     * Begins the epochs of a run.
     *
     * @param label what is trained, shown before the epoch; may be empty
     * @param epochsDone epochs finished before, above 0 after a resume
     * @param epochs epochs of the whole run
     * @param imagesPerEpoch training images of an epoch
     */
    public void start(String label, int epochsDone, int epochs, long imagesPerEpoch) {
        closeBar();
        this.label = label;
        this.epochs = epochs;
        this.epoch = epochsDone + 1;
        this.imagesPerEpoch = imagesPerEpoch;
        this.startNanos = nanoClock.getAsLong();
        this.imagesSinceStart = 0;
        this.lastLineNanos = startNanos;
        beginEpoch();
    }

    /**
     * Counts a batch.
     *
     * @param images images in the batch
     * @param meanLoss mean loss of the epoch so far
     * @param accuracy share of the epoch's images predicted right so far, in [0, 1]
     */
    public void batch(int images, double meanLoss, double accuracy) {
        imagesOfEpoch += images;
        imagesSinceStart += images;
        if (mode == Mode.SILENT) {
            return;
        }
        if (bar == null && mode == Mode.BAR) {
            openBar(epochName(), imagesPerEpoch);
        }
        if (bar != null) {
            bar.setExtraMessage(facts(meanLoss, accuracy));
            bar.stepTo(imagesOfEpoch);
        } else if (isLineDue()) {
            print(epochName()
                    + String.format(Locale.ROOT, "  %3d%%  ", 100 * imagesOfEpoch / imagesPerEpoch)
                    + facts(meanLoss, accuracy));
        }
    }

    /** Ends an epoch and leaves a line with its results. */
    public void epochDone(EpochRow row) {
        closeBar();
        StringBuilder line = new StringBuilder(epochName());
        line.append(
                String.format(Locale.ROOT, "  loss %.3f  train %.2f%%", row.trainLoss(), 100 * row.trainAccuracy()));
        if (row.tested()) {
            line.append(String.format(Locale.ROOT, "  test %.2f%%", 100 * row.testAccuracy()));
        }
        double validation = row.extra().getOrDefault(TrainingRun.VALIDATION_ACCURACY, Double.NaN);
        if (!Double.isNaN(validation)) {
            line.append(String.format(Locale.ROOT, "  validation %.2f%%", 100 * validation));
        }
        line.append("  lr ").append(learningRate(row.lr()));
        line.append(String.format(Locale.ROOT, "  %,.0f images/s  ", row.imagesPerSecond()));
        line.append(duration(row.seconds()));
        if (epoch < epochs) {
            epoch++;
            imagesOfEpoch = 0;
            line.append("  ETA ").append(duration(secondsLeft()));
        }
        print(line.toString());
        beginEpoch();
    }

    /**
     * Begins a part of the work outside the epochs, such as a test.
     *
     * @param label what is done, as in {@code gaussian_noise 3}
     * @param images images it goes through
     */
    public void stage(String label, long images) {
        closeBar();
        stage = new Stage(label, images, 0, nanoClock.getAsLong());
        if (mode == Mode.BAR) {
            openBar(label, images);
        }
    }

    /** Counts images of the stage. */
    public void stageAdvance(long images) {
        stage = stage.advance(images);
        if (bar == null && mode == Mode.BAR) {
            openBar(stage.label, stage.total);
        }
        if (bar != null) {
            bar.setExtraMessage(pace());
            bar.stepTo(stage.done);
        } else if (mode == Mode.PLAIN && isLineDue()) {
            print(stage.label
                    + String.format(Locale.ROOT, "  %3d%%  ", 100 * stage.done / Math.max(1, stage.total))
                    + pace());
        }
    }

    /** Takes the bar off the screen, so that something else can be shown; the next count draws it again. */
    public void pause() {
        closeBar();
    }

    /** Ends the stage; it leaves no line. */
    public void stageDone() {
        closeBar();
        stage = null;
    }

    /** Shows one line, above the bar where there is one. */
    public void line(String text) {
        closeBar();
        print(text);
    }

    @Override
    public void close() {
        closeBar();
    }

    private void beginEpoch() {
        epochStartNanos = nanoClock.getAsLong();
        imagesOfEpoch = 0;
    }

    private String epochName() {
        int width = Integer.toString(epochs).length();
        String count = String.format(Locale.ROOT, "epoch %" + width + "d/%d", epoch, epochs);
        return label.isEmpty() ? count : label + "  " + count;
    }

    private String facts(double loss, double accuracy) {
        double rate = imagesOfEpoch / Math.max(1e-9, secondsSince(epochStartNanos));
        return String.format(
                Locale.ROOT,
                "loss %.3f  acc %.1f%%  %,.0f images/s  ETA %s",
                loss,
                100 * accuracy,
                rate,
                duration(secondsLeft()));
    }

    // From the pace since the start or resume, tests between the epochs included.
    private double secondsLeft() {
        long left = (epochs - epoch + 1) * imagesPerEpoch - imagesOfEpoch;
        return imagesSinceStart == 0 ? 0 : secondsSince(startNanos) * left / imagesSinceStart;
    }

    private String pace() {
        double rate = stage.done / Math.max(1e-9, secondsSince(stage.startNanos));
        double left = stage.done == 0 ? 0 : (stage.total - stage.done) / rate;
        return String.format(Locale.ROOT, "%,.0f images/s  ETA %s", rate, duration(left));
    }

    private double secondsSince(long nanos) {
        return (nanoClock.getAsLong() - nanos) / 1e9;
    }

    private boolean isLineDue() {
        return nanoClock.getAsLong() - lastLineNanos >= PLAIN_INTERVAL_NANOS;
    }

    private void print(String line) {
        if (mode == Mode.SILENT) {
            return;
        }
        lastLineNanos = nanoClock.getAsLong();
        out.println(line);
        out.flush();
    }

    private void openBar(String name, long total) {
        barLine = new BarLine(out);
        bar = new ProgressBarBuilder()
                .setTaskName(name)
                .setInitialMax(total)
                .setUpdateIntervalMillis(BAR_UPDATE_MILLIS)
                .continuousUpdate()
                .setRenderer(this::render)
                .setConsumer(barLine)
                .build();
    }

    private void closeBar() {
        if (bar != null) {
            bar.close();
            barLine.erase();
            bar = null;
        }
    }

    private String render(ProgressState state, int width) {
        CharsetEncoder encoder = out.charset().newEncoder();
        boolean blocks = encoder.canEncode('━');
        return render(state.getTaskName(), state.getCurrent(), state.getMax(), state.getExtraMessage(), width, blocks);
    }

    /**
     * One line of at most {@code width} characters: name, bar, per cent, facts. On a narrow terminal the bar goes
     * first, then the end of the facts.
     */
    static String render(String name, long done, long total, String facts, int width, boolean blocks) {
        double share = total <= 0 ? 0 : Math.clamp((double) done / total, 0.0, 1.0);
        String tail = String.format(Locale.ROOT, "%3.0f%%", Math.floor(100 * share))
                + (facts == null || facts.isEmpty() ? "" : "  " + facts);
        int barWidth = Math.min(30, width - name.length() - tail.length() - 4);
        String line;
        if (barWidth < 6) {
            line = name + "  " + tail;
        } else {
            int filled = (int) (share * barWidth);
            String bar = (blocks ? "━" : "=").repeat(filled) + (blocks ? "╌" : "-").repeat(barWidth - filled);
            line = name + "  " + bar + "  " + tail;
        }
        return line.length() <= width ? line : line.substring(0, Math.max(0, width));
    }

    private static String learningRate(double lr) {
        return String.format(Locale.ROOT, lr >= 1e-3 || lr == 0 ? "%.4f" : "%.2e", lr);
    }

    /** Minutes and seconds, with hours where there are any. */
    public static String duration(double seconds) {
        Duration d = Duration.ofSeconds(Math.round(seconds));
        return d.toHours() == 0
                ? String.format(Locale.ROOT, "%d:%02d", d.toMinutes(), d.toSecondsPart())
                : String.format(Locale.ROOT, "%d:%02d:%02d", d.toHours(), d.toMinutesPart(), d.toSecondsPart());
    }

    /** Whether the program talks to a terminal that can move its cursor. */
    static boolean isTerminal(Map<String, String> environment) {
        String term = environment.getOrDefault("TERM", "dumb");
        // Some JDKs have no console at all where this is not a terminal.
        return !term.equals("dumb")
                && Optional.ofNullable(System.console())
                        .filter(Console::isTerminal)
                        .isPresent();
    }

    /**
     * The bar's line on the terminal. The library draws from a thread of its own, also for a moment after the bar was
     * closed; what comes after {@link #erase} is not drawn.
     */
    private static final class BarLine extends ConsoleProgressBarConsumer {
        private final PrintStream out;
        private int drawn;
        private boolean erased;

        BarLine(PrintStream out) {
            super(out);
            this.out = out;
        }

        @Override
        public synchronized void accept(String line) {
            if (!erased) {
                drawn = Math.max(drawn, line.length());
                super.accept(line);
            }
        }

        /** Takes the bar off the screen and leaves the cursor at the start of the line. */
        synchronized void erase() {
            erased = true;
            out.print("\r" + " ".repeat(drawn) + "\r");
            out.flush();
        }

        @Override
        public void close() {
            out.flush();
        }
    }
}
