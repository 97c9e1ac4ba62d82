package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.training.UserFile;
import dev.hornbeam.training.data.Augmentation;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.run.Checkpoint;
import dev.hornbeam.training.run.Precision;
import dev.hornbeam.training.run.Progress;
import dev.hornbeam.training.sharpness.LandscapePlot;
import dev.hornbeam.training.sharpness.LeadingCurvature;
import dev.hornbeam.training.sharpness.LossLandscape;
import dev.hornbeam.training.sharpness.NetworkLoss;
import dev.hornbeam.training.sharpness.WorstLoss;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code hornbeam sharpness}: how sharp the minimum is that a network was trained to. */
@Command(
        name = "sharpness",
        description = {
            "Measures how sharp the minimum is that a network was trained to: the worst loss nearby, the largest eigenvalue of the "
                    + "Hessian, the loss along random directions.",
            "The loss is the mean cross-entropy of training images without augmentation, with the running statistics of batch norms."
        })
final class SharpnessCommand implements Callable<Integer> {
    // Differences of f32 gradients: small enough for the curvature, large enough for rounding.
    private static final double DIFFERENCE = 1e-3;

    /** Directions of a landscape. */
    enum Landscape {
        LINE("1d"),
        PLANE("2d");

        private final String label;

        Landscape(String label) {
            this.label = label;
        }

        @Override
        public String toString() {
            return label;
        }
    }

    @Spec
    private CommandSpec spec;

    @Mixin
    private WeightsOptions weights;

    @Option(
            names = "--dataset",
            paramLabel = "NAME|FILE",
            description = "Data set whose images are used; by default the checkpoint's own.")
    private String dataset;

    @Option(names = "--data", paramLabel = "DIR", description = "Folder the data set lies in.")
    private Path folder;

    @Option(names = "--test", description = "Use test images; without it training images.")
    private boolean test;

    @Option(
            names = "--subset",
            paramLabel = "N",
            defaultValue = "1000",
            description = "Use the first N images; 0 uses all; default ${DEFAULT-VALUE}.")
    private int subset;

    @Option(
            names = "--batch",
            paramLabel = "N",
            defaultValue = "250",
            description = "Images per pass; default ${DEFAULT-VALUE}.")
    private int batch;

    @Option(names = "--worst-loss", description = "Look for the largest loss within a distance of the weights.")
    private boolean worstLoss;

    @Option(
            names = "--rho",
            paramLabel = "R",
            defaultValue = "0.05",
            description = "That distance, over all weights together; default ${DEFAULT-VALUE}.")
    private double rho;

    @Option(
            names = "--steps",
            paramLabel = "N",
            defaultValue = "10",
            description = "Gradients taken on the way there; 1 is SAM's step; default ${DEFAULT-VALUE}.")
    private int steps;

    @Option(names = "--hessian", description = "Find the largest eigenvalue of the Hessian.")
    private boolean hessian;

    @Option(
            names = "--iterations",
            paramLabel = "N",
            defaultValue = "50",
            description = "Power iterations at most; default ${DEFAULT-VALUE}.")
    private int iterations;

    @Option(
            names = "--tolerance",
            paramLabel = "T",
            defaultValue = "0.01",
            description = "Relative residual to stop at; default ${DEFAULT-VALUE}.")
    private double tolerance;

    @Option(
            names = "--landscape",
            paramLabel = "1d|2d",
            description =
                    "Compute the loss along one random direction, or over the plane of two, filter by filter as long as the "
                            + "weights.")
    private String landscape;

    @Option(
            names = "--radius",
            paramLabel = "R",
            defaultValue = "1",
            description = "Largest offset of the landscape, in lengths of the filters; default ${DEFAULT-VALUE}.")
    private double radius;

    @Option(
            names = "--points",
            paramLabel = "N",
            description = "Points on a side of the landscape, odd; if not given, 41 for 1d and 21 for 2d.")
    private Integer points;

    @Option(names = "--plot", paramLabel = "FILE", description = "Draw the landscape to this SVG file.")
    private Path plot;

    @Option(names = "--csv", paramLabel = "FILE", description = "Write the landscape to this CSV file.")
    private Path csv;

    @Option(
            names = "--seed",
            paramLabel = "S",
            defaultValue = "1",
            description = "Seed of the directions; default ${DEFAULT-VALUE}.")
    private long seed;

    @Option(names = "--json", description = "Print JSON, and no progress.")
    private boolean json;

    @Override
    @SuppressWarnings("ClosingStandardOutputStreams") // Progress leaves the stream open.
    public Integer call() {
        Optional<Landscape> kind = check();
        ImageSet images = images();
        WeightsOptions.Loaded loaded = weights.load(images.channels());
        try (var network = loaded.network();
                Progress progress = json ? Progress.silent() : Progress.create(Progress.Mode.AUTO, System.err)) {
            loaded.computeIn(Precision.F32);
            try (NetworkLoss loss = NetworkLoss.of(
                    network,
                    images,
                    Augmentation.none(loaded.normalization(images.channels())),
                    batch,
                    loaded.device())) {
                ObjectNode root = new JsonMapper().createObjectNode();
                root.put("images", images.size()).put("parameters", loss.weights().length);
                StringBuilder text = new StringBuilder();
                if (worstLoss) {
                    WorstLoss found = WorstLoss.find(loss, rho, steps);
                    root.putObject("worst_loss")
                            .put("rho", rho)
                            .put("steps", steps)
                            .put("clean", found.clean())
                            .put("sam", found.sam())
                            .put("worst", found.worst());
                    text.append(String.format(
                            Locale.ROOT,
                            "worst loss       %.5f within %s (%d steps); %.5f after SAM's step, %.5f at the weights%n",
                            found.worst(),
                            rho,
                            steps,
                            found.sam(),
                            found.clean()));
                }
                if (hessian) {
                    LeadingCurvature found = LeadingCurvature.find(loss, iterations, tolerance, DIFFERENCE, seed);
                    root.putObject("hessian")
                            .put("eigenvalue", found.eigenvalue())
                            .put("residual", found.residual())
                            .put("iterations", found.iterations())
                            .put("converged", found.converged());
                    text.append(String.format(
                            Locale.ROOT,
                            "Hessian          largest eigenvalue %.4g, residual %.2g after %d iterations%s%n",
                            found.eigenvalue(),
                            found.residual(),
                            found.iterations(),
                            found.converged() ? "" : ": NOT CONVERGED, try more --iterations"));
                }
                kind.ifPresent(chosen -> text.append(landscape(chosen, loss, progress, root)));
                PrintWriter out = spec.commandLine().getOut();
                if (json) {
                    out.println(root.toPrettyString());
                } else {
                    out.print(text);
                    out.flush();
                }
            }
        }
        return 0;
    }

    private Optional<Landscape> check() {
        Landscape kind = null;
        for (Landscape known : Landscape.values()) {
            if (known.label.equals(landscape)) {
                kind = known;
            }
        }
        require(landscape == null || kind != null, "--landscape is " + landscape + "; expected 1d or 2d");
        require(
                worstLoss || hessian || kind != null,
                "say what to measure: --worst-loss, --hessian, --landscape 1d|2d");
        require(kind != null || (plot == null && csv == null), "--plot and --csv are for --landscape");
        require(rho >= 0 && Double.isFinite(rho), "--rho is " + rho + "; expected a number of at least 0");
        require(steps >= 1, "--steps is " + steps + "; expected at least 1");
        require(batch >= 1, "--batch is " + batch + "; expected at least 1");
        require(subset >= 0, "--subset is " + subset + "; expected at least 0");
        require(iterations >= 1, "--iterations is " + iterations + "; expected at least 1");
        require(tolerance > 0, "--tolerance is " + tolerance + "; expected a number above 0");
        require(radius > 0 && Double.isFinite(radius), "--radius is " + radius + "; expected a number above 0");
        require(
                points == null || (points >= 3 && points % 2 == 1),
                "--points is " + points + "; expected an odd number of at least 3");
        return Optional.ofNullable(kind);
    }

    private void require(boolean holds, String message) {
        if (!holds) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }

    private String landscape(Landscape kind, NetworkLoss loss, Progress progress, ObjectNode root) {
        int side = points != null ? points : kind == Landscape.LINE ? 41 : 21;
        double[] second = kind == Landscape.LINE ? null : loss.filterNormalisedDirection(seed, 1);
        progress.stage("landscape", kind == Landscape.LINE ? side : (long) side * side);
        LossLandscape surface = LossLandscape.of(
                loss, loss.filterNormalisedDirection(seed, 0), second, radius, side, progress::stageAdvance);
        progress.stageDone();
        ObjectNode node = root.putObject("landscape").put("kind", kind.toString());
        for (double offset : surface.offsets()) {
            node.withArray("offsets").add(offset);
        }
        double least = Double.POSITIVE_INFINITY;
        double most = Double.NEGATIVE_INFINITY;
        for (double[] row : surface.losses()) {
            var array = node.withArray("losses").addArray();
            for (double value : row) {
                array.add(value);
                least = Math.min(least, value);
                most = Math.max(most, value);
            }
        }
        StringBuilder text = new StringBuilder(String.format(
                Locale.ROOT, "landscape %-6s loss %.4g to %.4g within offsets of %s%n", kind, least, most, radius));
        if (csv != null) {
            UserFile.writeText(csv, surface.toCsv());
            text.append("csv              ").append(csv).append(System.lineSeparator());
        }
        if (plot != null) {
            String name = weights.checkpoint().map(Checkpoint::modelName).orElse("network");
            UserFile.writeText(plot, LandscapePlot.svg(surface, "Loss of " + name + " around its weights"));
            text.append("plot             ").append(plot).append(System.lineSeparator());
        }
        return text.toString();
    }

    private ImageSet images() {
        ImagesOfWeights own = new ImagesOfWeights(weights, folder);
        ImageSet images = test ? own.test(dataset) : own.train(dataset);
        return subset > 0 && subset < images.size() ? images.first(subset) : images;
    }
}
