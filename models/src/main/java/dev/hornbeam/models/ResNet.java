package dev.hornbeam.models;

import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.GlobalAvgPool;
import dev.hornbeam.nn.Init;
import dev.hornbeam.nn.Linear;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Sequential;
import dev.hornbeam.tensor.Tensor;

/**
 * ResNet-18 and ResNet-34 for small images (He et al. 2016a): a 3×3 stem without pooling, four stages of widths
 * w·(1, 2, 4, 8) with 1×1-convolution shortcuts, global average pooling and a linear layer {@code fc}.
 *
 * <p>Input [n, h, w, channels] with h, w at least 8 or so (the last stage works at an eighth of it); output logits
 * [n, classes]. With base width 64 and 10 classes of RGB images ResNet-18 has 11,173,962 parameters, ResNet-34 21,282,122.
 *
 * <p>Parameters are named {@code conv1, bn1, layer1.0.conv1 … layer4.1.bn2, fc}, shortcuts {@code layer2.0.shortcut.0} (convolution)
 * and {@code .1} (norm).
 */
public final class ResNet extends Module implements Headed {
    /** Base width of the published networks. */
    public static final int WIDTH = 64;

    private final ConvNormAct stem;
    private final Sequential[] stages = new Sequential[4];
    private final GlobalAvgPool pool = new GlobalAvgPool();
    private final Linear fc;

    private ResNet(int[] blocks, ModelSpec spec, Normalisation normalisation) {
        int width = spec.width().orElse(WIDTH);
        stem = new ConvNormAct(
                child("conv1", new Conv2d(spec.channels(), width, 3, 1, 1)),
                child("bn1", ConvNormAct.norm(normalisation, width)),
                true);
        int in = width;
        for (int i = 0; i < stages.length; i++) {
            int out = width << i;
            stages[i] = child(
                    "layer" + (i + 1),
                    ResidualStages.stage(
                            blocks[i],
                            in,
                            out,
                            i == 0 ? 1 : 2,
                            (from, to, stride) ->
                                    new BasicBlock(from, to, stride, BasicBlock.Shortcut.PROJECTION, normalisation)));
            in = out;
        }
        fc = child("fc", new Linear(in, spec.classes()));
    }

    /** ResNet-18 with weights drawn from {@code seed}. */
    public static ResNet resnet18(ModelSpec spec, Normalisation normalisation, long seed) {
        return initialised(new ResNet(new int[] {2, 2, 2, 2}, spec, normalisation), spec, seed);
    }

    /** ResNet-34 with weights drawn from {@code seed}. */
    public static ResNet resnet34(ModelSpec spec, Normalisation normalisation, long seed) {
        return initialised(new ResNet(new int[] {3, 4, 6, 3}, spec, normalisation), spec, seed);
    }

    // He's normal numbers by fan out, as DAMP and SAT start.
    private static ResNet initialised(ResNet network, ModelSpec spec, long seed) {
        Init.standard(network, seed);
        Init.heConvolutions(network, Init.Fan.OUT, seed);
        if (spec.zeroInitResidual()) {
            ResidualStages.zeroResiduals(network);
        }
        return network;
    }

    @Override
    public String head() {
        return "fc";
    }

    @Override
    protected Tensor compute(Tensor x) {
        Tensor y = chain(stem.forward(x), stages);
        return fc.forward(pool.forward(y));
    }
}
