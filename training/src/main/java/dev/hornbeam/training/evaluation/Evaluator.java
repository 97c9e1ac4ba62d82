package dev.hornbeam.training.evaluation;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.data.Batch;
import dev.hornbeam.training.data.BatchLoader;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Preparation;
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
            try (Tensor labels = Tensor.empty(DType.I64, device, batch.size()).keep()) {
                labels.write(0, asLongs(batch), 0, batch.size());
                for (float sample : CrossEntropy.crossEntropy(logits, labels, 0).toFloats()) {
                    loss[0] += sample;
                }
                correct[0] += countCorrect(logits, batch.labels(), batch.size());
            }
            progress.accept(batch.size());
        });
        return new Result(set.size(), loss[0] / set.size(), correct[0]);
    }

    /** Runs the network over {@code set} and hands the outputs to {@code consumer}. */
    public void forEachBatch(ImageSet set, LogitsConsumer consumer) {
        boolean wasTraining = model.isTraining();
        model.eval();
        try (BatchLoader loader = BatchLoader.of(set, preparation)
                        .batchSize(batchSize)
                        .workers(workers)
                        .epochs(1)
                        .open();
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

    private static long[] asLongs(Batch batch) {
        long[] labels = new long[batch.size()];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = batch.labels()[i];
        }
        return labels;
    }
}
