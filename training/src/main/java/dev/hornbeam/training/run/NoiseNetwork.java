package dev.hornbeam.training.run;

import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.Module;
import dev.hornbeam.optim.Optimizer;
import dev.hornbeam.optim.Schedule;
import dev.hornbeam.optim.Sgd;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.Augmentation;
import dev.hornbeam.training.data.BatchLoader;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.evaluation.Evaluator;
import dev.hornbeam.training.method.CrossEntropyObjective;
import dev.hornbeam.training.method.InputPerturbation;
import dev.hornbeam.training.method.Projection;
import dev.hornbeam.training.method.WeightPerturbation;
import dev.hornbeam.training.noise.ClassScores;
import java.nio.file.Path;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * The network that says which classes an image resembles, for noise that follows from the images.
 *
 * <p>It is trained on the clean labels by SGD with Nesterov momentum 0.9 and weight decay 5e-4, without augmentation. Its
 * scores are the class probabilities, averaged over what it says of all images after each epoch (Chen et al. 2021): in the
 * end it would be sure of all that it was trained on. A network from a checkpoint is asked once.
 */
final class NoiseNetwork {
    private static final double MOMENTUM = 0.9;
    private static final double WEIGHT_DECAY = 5e-4;

    private final RunConfig config;
    private final ImageSet clean;
    private final Device device;
    private final Progress progress;
    private final long seed;

    NoiseNetwork(RunConfig config, ImageSet clean, Device device, Progress progress, long seed) {
        this.config = config;
        this.clean = clean;
        this.device = device;
        this.progress = progress;
        this.seed = seed;
    }

    /** The scores of the clean images. */
    ClassScores scores(NoiseNetworkConfig network) {
        return network.checkpoint().isPresent()
                ? ofCheckpoint(Path.of(network.checkpoint().get()))
                : trained(network);
    }

    private ClassScores ofCheckpoint(Path file) {
        if (!Checkpoint.isCheckpoint(file)) {
            throw new UserError(file + " holds weights alone; noise.network.checkpoint expects a checkpoint of a run");
        }
        Checkpoint checkpoint = Checkpoint.read(file);
        if (checkpoint.channels() != clean.channels() || checkpoint.classNames().size() != clean.classes()) {
            throw new UserError(file + " is of a network for images of " + checkpoint.channels() + " channels and "
                    + checkpoint.classNames().size() + " classes; " + clean.name() + " has " + clean.channels()
                    + " and " + clean.classes());
        }
        try (Module model = checkpoint.network(file)) {
            Checkpoint.loadWeights(file, model);
            checkpoint.dtype().applyTo(model);
            model.to(device);
            double[] sum = new double[clean.size() * clean.classes()];
            add(evaluator(model, checkpoint.normalization()), sum);
            return mean(sum, 1);
        }
    }

    private ClassScores trained(NoiseNetworkConfig network) {
        Normalization normalization = TrainingParts.normalization(config.data().normalize(), clean);
        boolean runsOwn = network.model().isEmpty();
        ModelSpec spec = new ModelSpec(
                clean.channels(),
                clean.classes(),
                runsOwn ? config.model().width() : OptionalInt.empty(),
                false,
                OptionalDouble.empty(),
                0,
                clean.height() == clean.width() ? OptionalInt.of(clean.height()) : OptionalInt.empty());
        double[] sum = new double[clean.size() * clean.classes()];
        try (Module model =
                TrainingParts.model(network.model().orElse(config.model().name()), spec, seed)) {
            config.dtype().applyTo(model);
            model.to(device);
            try (Optimizer optimizer = new Sgd(model.namedParameters(), network.lr(), MOMENTUM, WEIGHT_DECAY, true);
                    BatchLoader loader = BatchLoader.of(clean, Augmentation.none(normalization))
                            .batchSize(Math.min(network.batch(), clean.size()))
                            .shuffle(seed)
                            .workers(config.data().workers())
                            .prefetch(config.data().prefetch())
                            .dropLast()
                            .open()) {
                TrainingLoop loop = new TrainingLoop(
                        model,
                        loader,
                        new TrainingLoop.Method(
                                new CrossEntropyObjective(0),
                                WeightPerturbation.none(),
                                InputPerturbation.none(),
                                Projection.none()),
                        optimizer,
                        Schedule.cosine(0),
                        OptionalDouble.empty(),
                        network.epochs(),
                        seed,
                        device);
                progress.stage("noise network", (long) network.epochs() * clean.size());
                Evaluator evaluator = evaluator(model, normalization);
                loop.listen(new TrainingListener() {
                    @Override
                    public void stepDone(StepRow row, int images) {
                        progress.stageAdvance(images);
                    }

                    @Override
                    public void epochDone(EpochRow row) {
                        add(evaluator, sum);
                    }
                });
                loop.testWith(0, () -> null);
                loop.run();
                progress.stageDone();
            }
        }
        return mean(sum, network.epochs());
    }

    private Evaluator evaluator(Module model, Normalization normalization) {
        return new Evaluator(
                model,
                Augmentation.none(normalization),
                config.evaluation().batch(),
                config.data().workers(),
                device);
    }

    private void add(Evaluator evaluator, double[] sum) {
        int classes = clean.classes();
        evaluator.forEachBatch(clean, (logits, batch) -> {
            float[] rows = logits.toFloats();
            int width = rows.length / batch.size();
            for (int i = 0; i < batch.size(); i++) {
                addSoftmax(rows, i * width, sum, batch.positions()[i] * classes, classes);
            }
        });
    }

    private static void addSoftmax(float[] logits, int from, double[] sum, int at, int classes) {
        double largest = Double.NEGATIVE_INFINITY;
        for (int c = 0; c < classes; c++) {
            largest = Math.max(largest, logits[from + c]);
        }
        double total = 0;
        for (int c = 0; c < classes; c++) {
            total += StrictMath.exp(logits[from + c] - largest);
        }
        for (int c = 0; c < classes; c++) {
            sum[at + c] += StrictMath.exp(logits[from + c] - largest) / total;
        }
    }

    private ClassScores mean(double[] sum, int times) {
        float[] mean = new float[sum.length];
        for (int i = 0; i < mean.length; i++) {
            mean[i] = (float) (sum[i] / times);
        }
        return ClassScores.of(clean.classes(), mean);
    }
}
