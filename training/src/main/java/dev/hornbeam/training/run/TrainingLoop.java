package dev.hornbeam.training.run;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.nn.Module;
import dev.hornbeam.optim.GradientClipping;
import dev.hornbeam.optim.Optimizer;
import dev.hornbeam.optim.Progress;
import dev.hornbeam.optim.Schedule;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.Batch;
import dev.hornbeam.training.data.BatchLoader;
import dev.hornbeam.training.evaluation.Evaluator;
import dev.hornbeam.training.method.GradientPass;
import dev.hornbeam.training.method.InputPerturbation;
import dev.hornbeam.training.method.Objective;
import dev.hornbeam.training.method.Projection;
import dev.hornbeam.training.method.Samples;
import dev.hornbeam.training.method.WeightPerturbation;
import dev.hornbeam.training.run.TrainingProfile.Phase;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Supplier;

/**
 * Trains a network: epochs, batches, the optimizer, listeners. It knows no method by name; the four axes of
 * {@link dev.hornbeam.training.method} say what a step is.
 *
 * <p>Everything random follows from the seed and the step, so a loop that is put back to a saved {@link Position}, with
 * the saved weights, optimizer and method state, goes on to the same bits.
 */
public final class TrainingLoop {

    /**
     * How far a run is.
     *
     * @param step optimizer steps done
     * @param epoch epoch of the next step, from 0
     * @param batch place of the next step's batch in its epoch, from 0
     * @param lossSum sum over the images of the current epoch of their batch's loss
     * @param correct images of the current epoch predicted right
     * @param images images of the current epoch seen
     */
    public record Position(long step, int epoch, int batch, double lossSum, long correct, long images) {
        /** Where a new run begins. */
        public static final Position START = new Position(0, 0, 0, 0, 0, 0);
    }

    /** The four axes of a training step. */
    public record Method(
            Objective objective, WeightPerturbation weights, InputPerturbation input, Projection projection) {}

    private final Module model;
    private final BatchLoader loader;
    private final Method method;
    private final Optimizer optimizer;
    private final double baseRate;
    private final Schedule schedule;
    private final OptionalDouble clip;
    private final int epochs;
    private final long seed;
    private final Device device;
    private final List<TrainingListener> listeners = new ArrayList<>();
    private Supplier<Evaluator.Result> test = () -> null;
    private List<String> extraNames = List.of();
    private Supplier<Map<String, Double>> extra = Map::of;
    private int testEvery;
    private StepProfiler profiler = StepProfiler.none();
    private Position position = Position.START;
    private volatile boolean stopRequested;

    /**
     * Prepares a loop at the start of a run.
     *
     * @param model the network, on {@code device}
     * @param loader training images in batches
     * @param optimizer at its base learning rate
     * @param schedule factor of the base learning rate at every step
     * @param clip largest gradient norm; empty for no limit
     * @param epochs passes over the data
     * @param seed of the step's random draws
     */
    public TrainingLoop(
            Module model,
            BatchLoader loader,
            Method method,
            Optimizer optimizer,
            Schedule schedule,
            OptionalDouble clip,
            int epochs,
            long seed,
            Device device) {
        this.model = model;
        this.loader = loader;
        this.method = method;
        this.optimizer = optimizer;
        this.baseRate = optimizer.learningRate();
        this.schedule = schedule;
        this.clip = clip;
        this.epochs = epochs;
        this.seed = seed;
        this.device = device;
    }

    /** Adds a listener; they are called in the order of adding. */
    public TrainingLoop listen(TrainingListener listener) {
        listeners.add(listener);
        return this;
    }

    /** Tests the network with {@code newTest} after every {@code epochsBetween} epochs and after the last; 0: only then. */
    public TrainingLoop testWith(int epochsBetween, Supplier<Evaluator.Result> newTest) {
        testEvery = epochsBetween;
        test = newTest;
        return this;
    }

    /**
     * Measures more whenever the network is tested, for {@link EpochRow#extra}; in other epochs these are NaN.
     *
     * @param names what is measured, in order
     * @param measure gives a value for each of them, in that order
     */
    public TrainingLoop measureWith(List<String> names, Supplier<Map<String, Double>> measure) {
        extraNames = List.copyOf(names);
        extra = measure;
        return this;
    }

    /** Takes the profile of some steps with {@code newProfiler}. */
    public TrainingLoop profileWith(StepProfiler newProfiler) {
        profiler = newProfiler;
        return this;
    }

    /** The network. */
    public Module model() {
        return model;
    }

    /** The optimizer. */
    public Optimizer optimizer() {
        return optimizer;
    }

    /** The method, with what its axes remember. */
    public Method method() {
        return method;
    }

    /** Where it computes. */
    public Device device() {
        return device;
    }

    /** How far the run is. */
    public Position position() {
        return position;
    }

    /** Goes on from {@code saved}; weights, optimizer and method are the caller's to put back. */
    public void resume(Position saved) {
        position = saved;
    }

    /** Makes {@link #run} return after the step in progress. Any thread may call it. */
    public void requestStop() {
        stopRequested = true;
    }

    /** Whether {@link #requestStop} was called: a last moment to save. */
    public boolean isStopRequested() {
        return stopRequested;
    }

    /** Trains until all epochs are done, or {@link #requestStop} is called. Returns whether all are done. */
    public boolean run() {
        loader.seek(new BatchLoader.Position(position.epoch(), position.batch()));
        model.train();
        int capacity = 0;
        try (TensorScope _ = TensorScope.open()) {
            Tensor images = null;
            Tensor labels = null;
            Tensor softLabels = null;
            long[] classes = null;
            long epochStart = System.nanoTime();
            long imagesAtStart = position.images();
            while (position.epoch() < epochs) {
                profiler.beginStep();
                profiler.begin(Phase.DATA);
                Batch batch = loader.next();
                if (batch.size() > capacity) {
                    capacity = batch.size();
                    images = Tensor.empty(DType.F32, device, capacity, batch.height(), batch.width(), batch.channels());
                    labels = Tensor.empty(DType.I64, device, capacity);
                    classes = new long[capacity];
                    int shares = batch.softLabels().length / capacity;
                    softLabels = shares == 0 ? null : Tensor.empty(DType.F32, device, capacity, shares);
                }
                StepRow row;
                try (TensorScope _ = TensorScope.open()) {
                    row = step(batch, images, labels, softLabels, classes);
                }
                profiler.endStep(row.step());
                for (TrainingListener listener : listeners) {
                    listener.stepDone(row, batch.size());
                }
                boolean endOfEpoch = batch.lastOfEpoch();
                if (endOfEpoch) {
                    double seconds = (System.nanoTime() - epochStart) / 1e9;
                    endEpoch(row, seconds, (position.images() - imagesAtStart) / seconds);
                    epochStart = System.nanoTime();
                    imagesAtStart = 0;
                }
                for (TrainingListener listener : listeners) {
                    listener.savePoint(this, endOfEpoch);
                }
                if (stopRequested && position.epoch() < epochs) {
                    return false;
                }
            }
        }
        return true;
    }

    private StepRow step(Batch batch, Tensor images, Tensor labels, Tensor softLabels, long[] classes) {
        int n = batch.size();
        for (int i = 0; i < n; i++) {
            classes[i] = batch.labels()[i];
        }
        images.write(0, batch.images(), 0, n * (int) (images.elements() / images.size(0)));
        labels.write(0, classes, 0, n);
        if (softLabels != null) {
            softLabels.write(0, batch.softLabels(), 0, n * (int) softLabels.size(1));
        }
        profiler.end();
        Tensor x = n == images.size(0) ? images : images.slice(0, 0, n);
        Tensor y = n == labels.size(0) ? labels : labels.slice(0, 0, n);
        Optional<Tensor> shares =
                Optional.ofNullable(softLabels).map(all -> n == all.size(0) ? all : all.slice(0, 0, n));
        long step = position.step();
        Samples samples = new Samples(y, shares, batch.positions(), position.epoch(), step);
        model.setStep(seed, Math.toIntExact(step));
        Tensor input = method.input().perturb(x, samples, model);
        GradientPass.Outcome outcome = method.weights().gradient(model, new Pass(input, samples, batch.labels()), step);
        if (!Double.isFinite(outcome.loss())) {
            throw new UserError("the loss of step " + (step + 1) + " is " + outcome.loss()
                    + ": training diverged. A smaller optimizer.lr, or optimizer.clip, usually helps");
        }
        profiler.begin(Phase.OPTIMIZER);
        clip.ifPresent(limit -> GradientClipping.clipNorm(model.parameters(), limit));
        double rate = baseRate * schedule.factor(Progress.ofEpochs(step, loader.batchesPerEpoch(), epochs));
        optimizer.setLearningRate(rate);
        optimizer.step();
        method.projection().project(model, step + 1);
        profiler.end();
        position = new Position(
                step + 1,
                batch.lastOfEpoch() ? position.epoch() + 1 : position.epoch(),
                batch.lastOfEpoch() ? 0 : position.batch() + 1,
                position.lossSum() + outcome.loss() * n,
                position.correct() + outcome.correct(),
                position.images() + n);
        return new StepRow(step + 1, batch.epoch() + 1, rate, outcome.loss(), (double) outcome.correct() / n);
    }

    /** Forward and backward over the step's samples, or a run of them. */
    private final class Pass implements GradientPass {
        private final Tensor input;
        private final Samples samples;
        private final int[] labels;

        Pass(Tensor input, Samples samples, int[] labels) {
            this.input = input;
            this.samples = samples;
            this.labels = labels;
        }

        @Override
        public int size() {
            return samples.size();
        }

        private Samples part(int first, int end) {
            int[] positions = Arrays.copyOfRange(samples.positions(), first, end);
            return new Samples(samples.labels().slice(0, first, end), positions, samples.epoch(), samples.step());
        }

        @Override
        public Outcome run(int first, int end) {
            try (TensorScope _ = TensorScope.open()) {
                boolean whole = end - first == size();
                optimizer.zeroGrad();
                profiler.begin(Phase.FORWARD);
                Tensor logits = model.forward(whole ? input : input.slice(0, first, end));
                Tensor loss = method.objective().loss(logits, whole ? samples : part(first, end));
                profiler.begin(Phase.BACKWARD);
                Autograd.backward(loss);
                profiler.end();
                int[] wanted = whole ? labels : Arrays.copyOfRange(labels, first, end);
                return new Outcome(loss.item(), Evaluator.countCorrect(logits, wanted, end - first));
            }
        }
    }

    private void endEpoch(StepRow last, double trainSeconds, double imagesPerSecond) {
        boolean due = position.epoch() == epochs || (testEvery > 0 && position.epoch() % testEvery == 0);
        long start = System.nanoTime();
        Evaluator.Result tested = due ? test.get() : null;
        Map<String, Double> measured = new LinkedHashMap<>();
        if (due) {
            measured.putAll(extra.get());
        } else {
            extraNames.forEach(name -> measured.put(name, Double.NaN));
        }
        EpochRow row = new EpochRow(
                last.epoch(),
                last.step(),
                last.lr(),
                position.lossSum() / position.images(),
                (double) position.correct() / position.images(),
                tested == null ? Double.NaN : tested.loss(),
                tested == null ? Double.NaN : tested.accuracy(),
                trainSeconds + (System.nanoTime() - start) / 1e9,
                imagesPerSecond,
                measured);
        position = new Position(position.step(), position.epoch(), position.batch(), 0, 0, 0);
        for (TrainingListener listener : listeners) {
            listener.epochDone(row);
        }
    }
}
