package dev.hornbeam.training.run;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.nn.Module;
import dev.hornbeam.optim.GradientClipping;
import dev.hornbeam.optim.Optimizer;
import dev.hornbeam.optim.Progress;
import dev.hornbeam.optim.Schedule;
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
import dev.hornbeam.training.method.Stateful;
import dev.hornbeam.training.method.WeightPerturbation;
import dev.hornbeam.training.run.TrainingProfile.Phase;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
            Objective objective, WeightPerturbation weights, InputPerturbation input, Projection projection) {
        /** All four, in that order. */
        List<Stateful> axes() {
            return List.of(objective, weights, input, projection);
        }
    }

    /**
     * A copy of the network on a device of its own, with what belongs to it. Several share every step.
     *
     * @param model the network, on {@code device}
     * @param method for this replica's share of a batch, with random draws of its own
     * @param optimizer of the model's parameters
     * @param stream of the random draws in the network, such as dropout's
     */
    public record Replica(Module model, Method method, Optimizer optimizer, Device device, int stream)
            implements AutoCloseable {
        @Override
        public void close() {
            try (Module _ = model;
                    Optimizer _ = optimizer) {
                method.weights().close();
            }
        }
    }

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
    private final List<Replica> replicas = new ArrayList<>();
    private boolean averagesEveryPass;
    private ReplicaGroup group;
    private List<BatchShare> shares = List.of();
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
        replicas.add(new Replica(model, method, optimizer, device, 0));
    }

    /**
     * Shares every step with more replicas of the network: each takes a share of the batch, gradients are averaged over the
     * batch, and each makes the optimizer's step. They take weights and states from this loop's network, replica 0, when
     * {@link #run} begins, and stay the caller's to close after it.
     *
     * <p>Batch norms normalise with the statistics of their replica's share; their running statistics are averaged after
     * each step.
     *
     * @param others replicas 1, 2, … on devices of one kind
     * @param everyPass whether gradients are averaged after each pass of a step in place of once at its end: for methods
     *     that look at the gradient of the whole batch on the way, as SAM with one sub-batch does
     */
    public TrainingLoop alsoOn(List<Replica> others, boolean everyPass) {
        replicas.addAll(others);
        averagesEveryPass = everyPass;
        return this;
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
        shares = replicas.stream()
                .map(replica -> new BatchShare(replica.device()))
                .toList();
        try (ReplicaGroup all = new ReplicaGroup(replicas);
                TensorScope _ = TensorScope.open()) {
            group = all;
            group.follow();
            replicas.forEach(replica -> replica.model().train());
            long epochStart = System.nanoTime();
            long imagesAtStart = position.images();
            while (position.epoch() < epochs) {
                profiler.beginStep();
                profiler.begin(Phase.DATA);
                Batch batch = loader.next();
                StepRow row = step(batch);
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
        } finally {
            shares.forEach(BatchShare::close);
        }
        return true;
    }

    private StepRow step(Batch batch) {
        int n = batch.size();
        long step = position.step();
        double loss = 0;
        int correct = 0;
        List<GradientPass.Outcome> outcomes = group.onEach(replica -> gradient(replica, batch));
        for (int r = 0; r < outcomes.size(); r++) {
            loss += share(r, n) * outcomes.get(r).loss();
            correct += outcomes.get(r).correct();
        }
        if (!Double.isFinite(loss)) {
            throw new UserError("the loss of step " + (step + 1) + " is " + loss
                    + ": training diverged. A smaller optimizer.lr, or optimizer.clip, usually helps");
        }
        profiler.begin(Phase.OPTIMIZER);
        double rate = baseRate * schedule.factor(Progress.ofEpochs(step, loader.batchesPerEpoch(), epochs));
        group.onEach(replica -> update(group.get(replica), rate, step));
        profiler.end();
        position = new Position(
                step + 1,
                batch.lastOfEpoch() ? position.epoch() + 1 : position.epoch(),
                batch.lastOfEpoch() ? 0 : position.batch() + 1,
                position.lossSum() + loss * n,
                position.correct() + correct,
                position.images() + n);
        return new StepRow(step + 1, batch.epoch() + 1, rate, loss, (double) correct / n);
    }

    // A replica's part of a batch of n.
    private double share(int replica, int n) {
        return (double) (group.firstOf(replica + 1, n) - group.firstOf(replica, n)) / n;
    }

    // Leaves the gradient of the batch in the replica's network.
    private GradientPass.Outcome gradient(int replica, Batch batch) {
        Replica own = group.get(replica);
        int n = batch.size();
        int first = group.firstOf(replica, n);
        int end = group.firstOf(replica + 1, n);
        long step = position.step();
        try (TensorScope _ = TensorScope.open()) {
            BatchShare part = shares.get(replica);
            part.write(batch, first, end);
            if (replica == 0) {
                profiler.end();
            }
            Samples samples = part.samples(batch, first, position.epoch(), step);
            own.model().setStep(seed, Math.toIntExact(step), own.stream());
            Tensor input = own.method().input().perturb(part.images(), samples, own.model());
            int[] labels = Arrays.copyOfRange(batch.labels(), first, end);
            Pass pass = new Pass(replica, input, samples, labels, share(replica, n));
            GradientPass.Outcome outcome = own.method().weights().gradient(own.model(), pass, step);
            if (group.size() > 1) {
                List<Tensor> together = new ArrayList<>(ReplicaGroup.statistics(own.model()));
                if (!averagesEveryPass) {
                    together.addAll(ReplicaGroup.gradients(own.model()));
                }
                group.sum(replica, together, share(replica, n));
            }
            return outcome;
        }
    }

    private long update(Replica replica, double rate, long step) {
        clip.ifPresent(limit -> GradientClipping.clipNorm(replica.model().parameters(), limit));
        replica.optimizer().setLearningRate(rate);
        replica.optimizer().step();
        replica.method().projection().project(replica.model(), step + 1);
        return replica.optimizer().steps();
    }

    /** Forward and backward over a replica's samples of the step, or a run of them. */
    private final class Pass implements GradientPass {
        private final int replica;
        private final Tensor input;
        private final Samples samples;
        private final int[] labels;
        private final double share;

        Pass(int replica, Tensor input, Samples samples, int[] labels, double share) {
            this.replica = replica;
            this.input = input;
            this.samples = samples;
            this.labels = labels;
            this.share = share;
        }

        @Override
        public int size() {
            return samples.size();
        }

        private Samples part(int first, int end) {
            int[] positions = Arrays.copyOfRange(samples.positions(), first, end);
            return new Samples(
                    samples.labels().slice(0, first, end),
                    samples.softLabels().map(all -> all.slice(0, first, end)),
                    positions,
                    samples.epoch(),
                    samples.step());
        }

        // The profile is that of replica 0.
        private void begin(Phase phase) {
            if (replica == 0) {
                profiler.begin(phase);
            }
        }

        @Override
        public Outcome run(int first, int end) {
            Replica own = group.get(replica);
            try (TensorScope _ = TensorScope.open()) {
                boolean whole = end - first == size();
                own.optimizer().zeroGrad();
                begin(Phase.FORWARD);
                Tensor logits = own.model().forward(whole ? input : input.slice(0, first, end));
                Tensor loss = own.method().objective().loss(logits, whole ? samples : part(first, end));
                begin(Phase.BACKWARD);
                Autograd.backward(loss);
                if (averagesEveryPass && group.size() > 1) {
                    group.sum(replica, ReplicaGroup.gradients(own.model()), share);
                }
                if (replica == 0) {
                    profiler.end();
                }
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
