package dev.hornbeam.models;

import dev.hornbeam.autograd.ops.Conv2dOptions;
import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.Dropout;
import dev.hornbeam.nn.Init;
import dev.hornbeam.nn.Lambda;
import dev.hornbeam.nn.Linear;
import dev.hornbeam.nn.MaxPool2d;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Sequential;
import dev.hornbeam.nn.WeightLayout;
import dev.hornbeam.tensor.Tensor;

/**
 * The small network of TRADES for MNIST (Zhang et al. 2019; from Carlini and Wagner 2017): 3×3 convolutions without padding
 * of widths w, w | 2w, 2w | with ReLUs and a 2×2 max-pool at each bar, then dense layers of 200 and 200 with dropout
 * between them, and the head. No norms.
 *
 * <p>Input [n, side, side, channels] with the spec's side, 28 unless given and at least 16; output logits [n, classes]. With
 * base width 32 and 10 classes of 28×28×1 images it has 312,202 parameters. Another width changes the dense layers in
 * proportion. The drop rate is 0.5 unless given.
 *
 * <p>Parameters are named {@code feature_extractor.conv1 … conv4, classifier.fc1 … fc3}. The head starts at 0, as published.
 */
public final class TradesSmallCnn extends Module implements Headed {
    /** Base width of the published network. */
    public static final int WIDTH = 32;

    private static final int SIDE = 28;
    private static final int LEAST_SIDE = 16;
    private static final int HIDDEN = 200;
    private static final double DROP_RATE = 0.5;

    private final int side;
    private final Sequential features;
    private final Sequential classifier;

    /** The network with weights drawn from {@code seed}. */
    public TradesSmallCnn(ModelSpec spec, long seed) {
        side = ImageSide.of(spec, SIDE, LEAST_SIDE);
        int width = spec.width().orElse(WIDTH);
        int hidden = Math.max(1, HIDDEN * width / WIDTH);
        int left = ((side - 4) / 2 - 4) / 2;
        features = child("feature_extractor", new Sequential())
                .add("conv1", convolution(spec.channels(), width))
                .add("relu1", Lambda.relu())
                .add("conv2", convolution(width, width))
                .add("relu2", Lambda.relu())
                .add("maxpool1", new MaxPool2d(2, 2, 0))
                .add("conv3", convolution(width, 2 * width))
                .add("relu3", Lambda.relu())
                .add("conv4", convolution(2 * width, 2 * width))
                .add("relu4", Lambda.relu())
                .add("maxpool2", new MaxPool2d(2, 2, 0));
        WeightLayout layout = WeightLayout.flattened(2 * width, left, left);
        Linear head = new Linear(hidden, spec.classes());
        classifier = child("classifier", new Sequential())
                .add("fc1", new Linear(2 * width * left * left, hidden, true, layout))
                .add("relu1", Lambda.relu())
                .add("drop", Dropout.elements(spec.dropRate().orElse(DROP_RATE)))
                .add("fc2", new Linear(hidden, hidden))
                .add("relu2", Lambda.relu())
                .add("fc3", head);
        Init.standard(this, seed);
        Init.heConvolutions(this, Init.Fan.IN, seed);
        apply(module -> {
            if (module instanceof Conv2d conv) {
                Init.constant(conv.bias(), 0);
            }
        });
        Init.constant(head.weight(), 0);
        Init.constant(head.bias(), 0);
    }

    private static Conv2d convolution(int in, int out) {
        return new Conv2d(in, out, 3, Conv2dOptions.DEFAULT, true);
    }

    @Override
    public String head() {
        return "classifier.fc3";
    }

    @Override
    protected Tensor compute(Tensor x) {
        ImageSide.require(x, side, "smallcnn_trades");
        return classifier.forward(features.forward(x).flatten(1));
    }
}
