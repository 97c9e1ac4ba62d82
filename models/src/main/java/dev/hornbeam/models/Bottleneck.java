package dev.hornbeam.models;

import dev.hornbeam.nn.BatchNorm2d;
import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.Init;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Sequential;
import dev.hornbeam.tensor.Tensor;

/**
 * A 1×1, a 3×3 and a 1×1 convolution that widens fourfold, and a shortcut (He et al. 2016a). The 3×3 convolution has the
 * stride, as in torchvision's ResNets ("v1.5"); the paper had it in the first.
 */
final class Bottleneck extends Module implements ResidualStages.EndsInNorm {
    /** Channels of the result over those inside. */
    static final int EXPANSION = 4;

    private final ConvNormAct first;
    private final ConvNormAct second;
    private final ConvNormAct third;
    private final ConvNormAct projection;

    /**
     * The block.
     *
     * @param out channels of the result, a multiple of {@link #EXPANSION}
     */
    Bottleneck(int in, int out, int stride) {
        int inside = out / EXPANSION;
        first = layer("1", new Conv2d(in, inside, 1, 1, 0), inside);
        second = layer("2", new Conv2d(inside, inside, 3, stride, 1), inside);
        third = layer("3", new Conv2d(inside, out, 1, 1, 0), out);
        if (stride != 1 || in != out) {
            Conv2d conv = new Conv2d(in, out, 1, stride, 0);
            BatchNorm2d norm = new BatchNorm2d(out);
            child("downsample", new Sequential(conv, norm));
            projection = new ConvNormAct(conv, norm, false);
        } else {
            projection = null;
        }
    }

    private ConvNormAct layer(String number, Conv2d conv, int channels) {
        return new ConvNormAct(child("conv" + number, conv), child("bn" + number, new BatchNorm2d(channels)), true);
    }

    @Override
    protected Tensor compute(Tensor x) {
        Tensor shortcut = projection == null ? x : projection.forward(x);
        return third.forward(second.forward(first.forward(x)), shortcut);
    }

    @Override
    public void zeroResidual() {
        Init.constant(third.scale(), 0);
    }
}
