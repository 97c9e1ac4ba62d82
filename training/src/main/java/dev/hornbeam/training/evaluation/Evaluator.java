package dev.hornbeam.training.evaluation;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.Batch;
import dev.hornbeam.training.data.BatchLoader;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.data.Preparation;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * Runs a network over labelled images in evaluation mode.
 *
 * @param model the network; its mode is put back afterwards
 * @param preparation turns images into the network's input
 * @param batchSize images per forward pass; the results do not depend on it but for rounding
 * @param workers threads that prepare images
 * @param device where the network is
 */
public record Evaluator(Module model, Preparation preparation, int batchSize, int workers, Device device) {

    /**
     * What was found.
     *
     * @param images how many images were looked at
     * @param loss mean cross-entropy
     * @param correct how many images were predicted right
     */
    public record Result(int images, double loss, int correct) {
        /** Share of the images predicted right, in [0, 1]. */
        public double accuracy() {
            return (double) correct / images;
        }

        /** Share of the images predicted wrong, in [0, 1]. */
        public double error() {
            return (double) (images - correct) / images;
        }
    }

    /** Receives the network's outputs, batch by batch in the order of the set. */
    @FunctionalInterface
    public interface LogitsConsumer {
        /**
         * Takes one batch.
         *
         * @param logits f32 [n, classes], valid during the call
         * @param batch the images
         */
        void accept(Tensor logits, Batch batch);
    }

    /** Measures loss and accuracy on {@code set}. */
    public Result evaluate(ImageSet set) {
        return evaluate(set, images -> {});
    }

    /**
     * Measures loss and accuracy on {@code set}.
     *
     * @param progress is told after each batch how many images it had
     */
    public Result evaluate(ImageSet set, IntConsumer progress) {
        double[] loss = {0};
        int[] correct = {0};
        forEachBatch(set, (logits, batch) -> {
            loss[0] += loss(logits, batch);
            correct[0] += countCorrect(logits, batch.labels(), batch.size());
            progress.accept(batch.size());
        });
        return new Result(set.size(), loss[0] / set.size(), correct[0]);
    }

    /**
     * Measures everything that {@link PredictionMetrics} has on {@code set}.
     *
     * @param candidates classes that count, of the network's; empty for all
     * @param progress is told after each batch how many images it had
     * @throws UserError if the set has more classes than the network, or no image
     */
    public PredictionMetrics metrics(ImageSet set, List<Integer> candidates, IntConsumer progress) {
        PredictionTally[] tally = {null};
        forEachBatch(set, (logits, batch) -> {
            if (tally[0] == null) {
                tally[0] = tally(set, (int) logits.size(1), candidates);
            }
            tally[0].add(logits.toFloats(), batch.labels(), batch.size());
            progress.accept(batch.size());
        });
        if (tally[0] == null) {
            throw new UserError(set.name() + ": no images to test on");
        }
        return tally[0].metrics();
    }

    private static PredictionTally tally(ImageSet set, int outputs, List<Integer> candidates) {
        if (set.classes() > outputs) {
            throw new UserError(set.name() + " has " + set.classes() + " classes, the network only " + outputs
                    + "; a class map says which of its classes the images are of");
        }
        List<String> names = new ArrayList<>(set.classNames());
        for (int c = names.size(); c < outputs; c++) {
            names.add(Integer.toString(c));
        }
        return candidates.isEmpty() ? new PredictionTally(names) : new PredictionTally(names, candidates);
    }

    /**
     * Measures loss and error on {@code set} attacked by the fast gradient sign method, once for each epsilon.
     *
     * @param normalization what {@code preparation} does to pixels
     * @param epsilons how far each pixel moves, of the range [0, 1] of pixels
     * @param progress is told after each batch how many images it had
     * @throws UserError if an epsilon is not in [0, 1] or there is none
     */
    public AdversarialErrors fastGradientSign(
            ImageSet set, Normalization normalization, List<Double> epsilons, IntConsumer progress) {
        checkEpsilons(epsilons);
        double[] sizes = epsilons.stream().mapToDouble(Double::doubleValue).toArray();
        double[] losses = new double[sizes.length];
        int[] correct = new int[sizes.length];
        FastGradientSign attack = new FastGradientSign(model, normalization);
        boolean wasTraining = model.isTraining();
        model.eval();
        try (BatchLoader loader = loader(set)) {
            while (loader.hasNext()) {
                Batch batch = loader.next();
                long[] shape = {batch.size(), batch.height(), batch.width(), batch.channels()};
                float[][] attacked = attack.attack(batch.images(), shape, batch.labels(), sizes, device);
                for (int e = 0; e < sizes.length; e++) {
                    try (TensorScope _ = TensorScope.open();
                            var _ = Autograd.noGrad()) {
                        Tensor images = Tensor.empty(DType.F32, device, shape);
                        images.write(0, attacked[e], 0, (int) images.elements());
                        Tensor logits = model.forward(images);
                        losses[e] += loss(logits, batch);
                        correct[e] += countCorrect(logits, batch.labels(), batch.size());
                    }
                }
                progress.accept(batch.size());
            }
        } finally {
            model.train(wasTraining);
        }
        List<Double> errors = new ArrayList<>();
        List<Double> meanLosses = new ArrayList<>();
        for (int e = 0; e < sizes.length; e++) {
            errors.add((double) (set.size() - correct[e]) / set.size());
            meanLosses.add(losses[e] / set.size());
        }
        return new AdversarialErrors("fgsm", epsilons, errors, meanLosses);
    }

    private static void checkEpsilons(List<Double> epsilons) {
        if (epsilons.isEmpty() || epsilons.stream().anyMatch(e -> !(e >= 0 && e <= 1))) {
            throw new UserError("epsilons of the attack are " + epsilons
                    + "; expected numbers in [0, 1], as pixels are measured; 8/255 is 0.0314");
        }
    }

    // The sum over the batch, in double: the engine's own losses are rounded to f32.
    private static double loss(Tensor logits, Batch batch) {
        int classes = (int) logits.size(1);
        float[] outputs = logits.toFloats();
        double sum = 0;
        for (int i = 0; i < batch.size(); i++) {
            sum += PredictionTally.loss(outputs, i * classes, classes, batch.labels()[i]);
        }
        return sum;
    }

    private BatchLoader loader(ImageSet set) {
        return BatchLoader.of(set, preparation)
                .batchSize(batchSize)
                .workers(workers)
                .epochs(1)
                .open();
    }

    /** Runs the network over {@code set} and hands the outputs to {@code consumer}. */
    public void forEachBatch(ImageSet set, LogitsConsumer consumer) {
        boolean wasTraining = model.isTraining();
        model.eval();
        try (BatchLoader loader = loader(set);
                var _ = Autograd.noGrad()) {
            while (loader.hasNext()) {
                Batch batch = loader.next();
                try (TensorScope _ = TensorScope.open()) {
                    Tensor images = Tensor.empty(
                            DType.F32, device, batch.size(), batch.height(), batch.width(), batch.channels());
                    images.write(0, batch.images(), 0, (int) images.elements());
                    consumer.accept(model.forward(images), batch);
                }
            }
        } finally {
            model.train(wasTraining);
        }
    }

    /** Counts how many of the first n rows of {@code logits} have their largest value at the label. */
    public static int countCorrect(Tensor logits, int[] labels, int n) {
        try (Tensor predicted = logits.argMax().keep()) {
            long[] classes = predicted.toLongs();
            int correct = 0;
            for (int i = 0; i < n; i++) {
                if (classes[i] == labels[i]) {
                    correct++;
                }
            }
            return correct;
        }
    }
}
