package dev.hornbeam.models;

import dev.hornbeam.autograd.ops.Conv2dOptions;
import dev.hornbeam.nn.BatchNorm2d;
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
 * VGG-16 (Simonyan and Zisserman 2015) with batch norm and dropout for 32×32 images, in the form that selective
 * classification is compared on: SelectiveNet (Geifman and El-Yaniv 2019), in PyTorch Deep Gamblers (Liu et al. 2019) and
 * SAT (Huang et al. 2020).
 *
 * <p>Thirteen 3×3 convolutions with bias of widths w, w | 2w, 2w | 4w ×3 | 8w ×3 | 8w ×3 | with a 2×2 max-pool at each bar. Each
 * is followed by ReLU and then norm, in this order, which is SelectiveNet's. Whole channels are dropped with rate 0.3 after the
 * first, 0.4 between those of the other stages, and 0.5 after the last pool. Then a dense layer of 8w with ReLU, norm and dropout
 * of rate 0.5, and the head. A drop rate in the {@link ModelSpec} stands in the place of all of these.
 *
 * <p>Input [n, side, side, channels] with the spec's side, at least 32, which it is unless given; output logits [n, classes].
 * With base width 64 and 10 classes of RGB images it has 14,991,946 parameters. (Selective classification by abstention asks
 * for one class more.)
 *
 * <p>Parameters are named {@code features.0} (the first convolution), {@code features.2} (its norm), {@code features.4} …
 * {@code classifier.0, classifier.2, classifier.4}.
 */
public final class Vgg16 extends Module implements Headed {
    /** Base width of the published network. */
    public static final int WIDTH = 64;

    private static final int SIDE = 32;
    private static final int[][] STAGES = {{1, 1}, {2, 2}, {4, 4, 4}, {8, 8, 8}, {8, 8, 8}};
    private static final double FIRST_STAGE_RATE = 0.3;
    private static final double STAGE_RATE = 0.4;
    private static final double DENSE_RATE = 0.5;
    private static final double DENSE_DEVIATION = 0.01;

    private final int side;
    private final Sequential features;
    private final Sequential classifier;

    /** The network with weights drawn from {@code seed}. */
    public Vgg16(ModelSpec spec, long seed) {
        side = ImageSide.of(spec, SIDE, SIDE);
        int width = spec.width().orElse(WIDTH);
        features = child("features", new Sequential());
        int in = spec.channels();
        for (int stage = 0; stage < STAGES.length; stage++) {
            for (int i = 0; i < STAGES[stage].length; i++) {
                if (i > 0) {
                    features.add(Dropout.channels(spec.dropRate().orElse(stage == 0 ? FIRST_STAGE_RATE : STAGE_RATE)));
                }
                int out = width * STAGES[stage][i];
                features.add(new Conv2d(in, out, 3, Conv2dOptions.of(1, 1), true))
                        .add(Lambda.relu())
                        .add(new BatchNorm2d(out));
                in = out;
            }
            features.add(new MaxPool2d(2, 2, 0));
        }
        features.add(Dropout.channels(spec.dropRate().orElse(DENSE_RATE)));
        int left = side >> STAGES.length;
        classifier = child(
                "classifier",
                new Sequential(
                        new Linear(in * left * left, in, true, WeightLayout.flattened(in, left, left)),
                        Lambda.relu(),
                        new BatchNorm2d(in),
                        Dropout.elements(spec.dropRate().orElse(DENSE_RATE)),
                        new Linear(in, spec.classes())));
        Init.standard(this, seed);
        Init.heConvolutions(this, Init.Fan.OUT, seed);
        apply(module -> {
            switch (module) {
                case Conv2d conv -> Init.constant(conv.bias(), 0);
                case Linear linear -> {
                    Init.normal(linear.weight(), 0, DENSE_DEVIATION, seed);
                    Init.constant(linear.bias(), 0);
                }
                default -> {}
            }
        });
    }

    @Override
    public String head() {
        return "classifier.4";
    }

    @Override
    protected Tensor compute(Tensor x) {
        ImageSide.require(x, side, "vgg16_bn");
        return classifier.forward(features.forward(x).flatten(1));
    }
}
