package dev.hornbeam.models;

import dev.hornbeam.nn.BatchNorm2d;
import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.GlobalAvgPool;
import dev.hornbeam.nn.Init;
import dev.hornbeam.nn.Linear;
import dev.hornbeam.nn.MaxPool2d;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Sequential;
import dev.hornbeam.tensor.Tensor;

/**
 * ResNet-18, -34, -50 and -101 for large images (He et al. 2016a): a 7×7 stem with stride 2, a 3×3 max-pool with stride 2,
 * four stages of widths w·(1, 2, 4, 8), times 4 with bottleneck blocks, global average pooling and a linear layer {@code fc}.
 *
 * <p>They are torchvision's networks, "v1.5": in a bottleneck block the 3×3 convolution has the stride. (DAMP's Flax
 * networks pad the stem's and the pool's images at the right and bottom only, Flax's SAME; here, as in torchvision, on all
 * sides.)
 *
 * <p>Input [n, h, w, channels] of any size, published for 224×224; output logits [n, classes]. With base width 64 and 1000
 * classes of RGB images they have 11,689,512, 21,797,672, 25,557,032 and 44,549,160 parameters.
 *
 * <p>Parameters are named as in torchvision: {@code conv1, bn1, layer1.0.conv1 … layer4.1.bn2, fc}, shortcuts
 * {@code layer2.0.downsample.0} (convolution) and {@code .1} (norm).
 */
public final class ImageNetResNet extends Module implements Headed {
    /** Base width of the published networks. */
    public static final int WIDTH = 64;

    private final ConvNormAct stem;
    private final MaxPool2d halve = new MaxPool2d(3, 2, 1);
    private final Sequential[] stages = new Sequential[4];
    private final GlobalAvgPool pool = new GlobalAvgPool();
    private final Linear fc;

    private ImageNetResNet(int[] blocks, int expansion, ResidualStages.BlockFactory factory, ModelSpec spec) {
        int width = spec.width().orElse(WIDTH);
        stem = new ConvNormAct(
                child("conv1", new Conv2d(spec.channels(), width, 7, 2, 3)),
                child("bn1", new BatchNorm2d(width)),
                true);
        int in = width;
        for (int i = 0; i < stages.length; i++) {
            int out = (width << i) * expansion;
            stages[i] = child("layer" + (i + 1), ResidualStages.stage(blocks[i], in, out, i == 0 ? 1 : 2, factory));
            in = out;
        }
        fc = child("fc", new Linear(in, spec.classes()));
    }

    /** ResNet-18 with weights drawn from {@code seed}. */
    public static ImageNetResNet resnet18(ModelSpec spec, long seed) {
        return ofBasicBlocks(new int[] {2, 2, 2, 2}, spec, seed);
    }

    /** ResNet-34 with weights drawn from {@code seed}. */
    public static ImageNetResNet resnet34(ModelSpec spec, long seed) {
        return ofBasicBlocks(new int[] {3, 4, 6, 3}, spec, seed);
    }

    /** ResNet-50 with weights drawn from {@code seed}. */
    public static ImageNetResNet resnet50(ModelSpec spec, long seed) {
        return ofBottlenecks(new int[] {3, 4, 6, 3}, spec, seed);
    }

    /** ResNet-101 with weights drawn from {@code seed}. */
    public static ImageNetResNet resnet101(ModelSpec spec, long seed) {
        return ofBottlenecks(new int[] {3, 4, 23, 3}, spec, seed);
    }

    private static ImageNetResNet ofBasicBlocks(int[] blocks, ModelSpec spec, long seed) {
        ResidualStages.BlockFactory factory = (in, out, stride) ->
                new BasicBlock(in, out, stride, BasicBlock.Shortcut.DOWNSAMPLE, Normalisation.BATCH);
        return new ImageNetResNet(blocks, 1, factory, spec).initialised(spec, seed);
    }

    private static ImageNetResNet ofBottlenecks(int[] blocks, ModelSpec spec, long seed) {
        return new ImageNetResNet(blocks, Bottleneck.EXPANSION, Bottleneck::new, spec).initialised(spec, seed);
    }

    // He's normal numbers by fan out, as torchvision and DAMP start.
    private ImageNetResNet initialised(ModelSpec spec, long seed) {
        Init.standard(this, seed);
        Init.heConvolutions(this, Init.Fan.OUT, seed);
        if (spec.zeroInitResidual()) {
            ResidualStages.zeroResiduals(this);
        }
        return this;
    }

    @Override
    public String head() {
        return "fc";
    }

    @Override
    protected Tensor compute(Tensor x) {
        Tensor y = chain(halve.forward(stem.forward(x)), stages);
        return fc.forward(pool.forward(y));
    }
}
