package dev.hornbeam.bench;

import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.Blocks;
import ai.djl.nn.LambdaBlock;
import ai.djl.nn.ParallelBlock;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.BatchNorm;
import ai.djl.nn.pooling.Pool;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import ai.djl.training.Trainer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;

/**
 * ResNet-20 in DJL on PyTorch: the same layers as the catalog's {@code resnet20}, NCHW as DJL has it, trained on one batch of
 * random images by SGD with momentum 0.9 and weight decay 5e-4 (DJL's optimizer has no Nesterov momentum).
 */
final class DjlResNet20 implements AutoCloseable {
    private static final int[] WIDTHS = {16, 32, 64};
    private static final int BLOCKS = 3;
    private static final int SIDE = 32;
    private static final int CLASSES = 10;
    private static final Loss LOSS = Loss.softmaxCrossEntropyLoss();

    static {
        // DJL reports its use to its makers and looks for libraries on the network unless it is told not to.
        System.setProperty("OPT_OUT_TRACKING", "true");
        System.setProperty("ai.djl.offline", "true");
    }

    private final Model model;
    private final Trainer trainer;
    private final NDManager data;
    private final NDArray images;
    private final NDArray labels;

    /** With so many images in the batch and threads. */
    DjlResNet20(int batch, int threads) {
        System.setProperty("ai.djl.pytorch.num_interop_threads", "1");
        System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
        model = Model.newInstance("resnet20", "PyTorch");
        model.setBlock(network());
        trainer = model.newTrainer(new DefaultTrainingConfig(LOSS)
                .optOptimizer(Optimizer.sgd()
                        .setLearningRateTracker(Tracker.fixed(1e-3f))
                        .optMomentum(0.9f)
                        .optWeightDecays(5e-4f)
                        .build()));
        trainer.initialize(new Shape(batch, 3, SIDE, SIDE));
        data = model.getNDManager().newSubManager();
        images = data.randomNormal(new Shape(batch, 3, SIDE, SIDE));
        labels = data.randomInteger(0, CLASSES, new Shape(batch), DataType.INT64);
    }

    private static Block network() {
        SequentialBlock network = new SequentialBlock();
        network.add(convolution(WIDTHS[0], 3, 1)).add(norm()).add(Activation::relu);
        int in = WIDTHS[0];
        for (int width : WIDTHS) {
            for (int i = 0; i < BLOCKS; i++) {
                network.add(block(in, width)).add(Activation::relu);
                in = width;
            }
        }
        return network.add(Pool.globalAvgPool2dBlock())
                .add(Blocks.batchFlattenBlock())
                .add(Linear.builder().setUnits(CLASSES).build());
    }

    private static Block block(int in, int out) {
        int stride = in == out ? 1 : 2;
        SequentialBlock branch = new SequentialBlock()
                .add(convolution(out, 3, stride))
                .add(norm())
                .add(Activation::relu)
                .add(convolution(out, 3, 1))
                .add(norm());
        Block shortcut = new LambdaBlock(x -> new NDList(shortcut(x.singletonOrThrow(), in, out)));
        ParallelBlock sum = new ParallelBlock(results ->
                new NDList(results.get(0).singletonOrThrow().add(results.get(1).singletonOrThrow())));
        return sum.add(branch).add(shortcut);
    }

    // Every other pixel, and channels of zeros on both sides (option A).
    private static NDArray shortcut(NDArray x, int in, int out) {
        if (in == out) {
            return x;
        }
        NDArray less = x.get(":, :, ::2, ::2");
        Shape shape = less.getShape();
        NDArray zeros = x.getManager().zeros(new Shape(shape.get(0), (out - in) / 2, shape.get(2), shape.get(3)));
        return zeros.concat(less, 1).concat(zeros, 1);
    }

    private static Block convolution(int filters, int kernel, int stride) {
        return Conv2d.builder()
                .setFilters(filters)
                .setKernelShape(new Shape(kernel, kernel))
                .optStride(new Shape(stride, stride))
                .optPadding(new Shape(kernel / 2, kernel / 2))
                .optBias(false)
                .build();
    }

    private static Block norm() {
        return BatchNorm.builder().build();
    }

    /** Refuses to be compared with a network of another number of parameters: that would not be the same work. */
    void requireParameters(long ours) {
        if (ours != parameters()) {
            throw new IllegalStateException(
                    "the networks have " + ours + " and " + parameters() + " parameters: that is not the same work");
        }
    }

    /** Numbers that are trained. */
    long parameters() {
        return model.getBlock().getParameters().values().stream()
                .filter(parameter -> parameter.requiresGradient())
                .mapToLong(parameter -> parameter.getArray().getShape().size())
                .sum();
    }

    /** One training step; the loss before it. */
    float step() {
        try (NDManager step = data.newSubManager()) {
            NDList x = new NDList(images.duplicate());
            x.attach(step);
            float value;
            try (GradientCollector collector = trainer.newGradientCollector()) {
                NDList logits = trainer.forward(x);
                NDArray loss = LOSS.evaluate(new NDList(labels), logits);
                collector.backward(loss);
                value = loss.getFloat();
                loss.close();
                logits.close();
            }
            trainer.step();
            return value;
        }
    }

    /** One pass in evaluation mode; the first logit. */
    float infer() {
        try (NDManager pass = data.newSubManager()) {
            NDList x = new NDList(images.duplicate());
            x.attach(pass);
            try (NDList logits = model.getBlock().forward(new ParameterStore(pass, false), x, false)) {
                return logits.singletonOrThrow().getFloat(0, 0);
            }
        }
    }

    /** The version of PyTorch. */
    static String version() {
        return Engine.getEngine("PyTorch").getVersion();
    }

    /** Releases everything. */
    @Override
    public void close() {
        data.close();
        trainer.close();
        model.close();
    }
}
