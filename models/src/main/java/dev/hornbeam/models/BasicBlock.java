package dev.hornbeam.models;

import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.Init;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Sequential;
import dev.hornbeam.tensor.Tensor;

/** Two 3×3 convolutions and a shortcut: relu(bn(conv(relu(bn(conv(x))))) + shortcut(x)) (He et al. 2016a). */
final class BasicBlock extends Module implements ResidualStages.EndsInNorm {

    /** What the shortcut does where the shape changes. */
    enum Shortcut {
        /** A 1×1 convolution with norm (option B), named {@code shortcut}. */
        PROJECTION,
        /** The same, named {@code downsample} as in torchvision. */
        DOWNSAMPLE,
        /** Every stride-th pixel, with zero channels on both sides (option A): no parameters. */
        ZERO_PADDING
    }

    private final ConvNormAct first;
    private final ConvNormAct second;
    private final ConvNormAct projection;
    private final int stride;
    private final int addedChannels;

    BasicBlock(int in, int out, int stride, Shortcut shortcut, Normalisation normalisation) {
        this.stride = stride;
        this.addedChannels = out - in;
        first = new ConvNormAct(
                child("conv1", new Conv2d(in, out, 3, stride, 1)),
                child("bn1", ConvNormAct.norm(normalisation, out)),
                true);
        second = new ConvNormAct(
                child("conv2", new Conv2d(out, out, 3, 1, 1)),
                child("bn2", ConvNormAct.norm(normalisation, out)),
                true);
        if (shortcut != Shortcut.ZERO_PADDING && (stride != 1 || in != out)) {
            Conv2d conv = new Conv2d(in, out, 1, stride, 0);
            Module norm = ConvNormAct.norm(normalisation, out);
            child(shortcut == Shortcut.DOWNSAMPLE ? "downsample" : "shortcut", new Sequential(conv, norm));
            projection = new ConvNormAct(conv, norm, false);
        } else {
            projection = null;
        }
    }

    @Override
    protected Tensor compute(Tensor x) {
        return second.forward(first.forward(x), shortcut(x));
    }

    @Override
    public void zeroResidual() {
        Init.constant(second.scale(), 0);
    }

    private Tensor shortcut(Tensor x) {
        if (projection != null) {
            return projection.forward(x);
        }
        if (stride == 1 && addedChannels == 0) {
            return x;
        }
        Tensor sampled = x.slice(1, 0, x.size(1), stride).slice(2, 0, x.size(2), stride);
        int before = addedChannels / 2;
        return sampled.pad(new long[] {0, 0, 0, before}, new long[] {0, 0, 0, addedChannels - before}, 0);
    }
}
