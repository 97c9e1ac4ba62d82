package dev.hornbeam.models;

import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.nn.BatchNorm2d;
import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.Lambda;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Sequential;
import dev.hornbeam.tensor.Tensor;

/**
 * A pre-activation block with leaky ReLUs: conv(act(bn(conv(act(bn(x)))))) + shortcut. The shortcut begins before norm and
 * activation, also where it is a 1×1 convolution, but for a block that activates before the residual.
 */
final class SharpDroBlock extends Module {
    private final PreActivation branch;
    private final Conv2d projection;
    private final boolean activatesFirst;

    /**
     * The block.
     *
     * @param activatesFirst whether the shortcut, too, begins behind the first norm and activation
     */
    SharpDroBlock(int in, int out, int stride, boolean activatesFirst) {
        this.activatesFirst = activatesFirst;
        BatchNorm2d norm = SharpDroWideResNet.norm(in);
        Conv2d conv = new Conv2d(in, out, 3, stride, 1);
        BatchNorm2d middleNorm = SharpDroWideResNet.norm(out);
        Conv2d last = new Conv2d(out, out, 3, 1, 1);
        Sequential layer = new Sequential();
        if (activatesFirst) {
            child("pre_act", new Sequential(norm, activation()));
        } else {
            layer.add(norm).add(activation());
        }
        layer.add(conv).add(middleNorm).add(activation()).add(last);
        projection = stride != 1 || in != out ? child("identity", new Conv2d(in, out, 1, stride, 0)) : null;
        child("layer", layer);
        branch = new PreActivation(norm, conv, middleNorm, null, last, Activation.LEAKY_RELU, SharpDroWideResNet.SLOPE);
    }

    // Never called, but for the numbers of the layers beside it.
    private static Lambda activation() {
        return Lambda.leakyRelu(SharpDroWideResNet.SLOPE);
    }

    @Override
    protected Tensor compute(Tensor x) {
        Tensor activated = branch.activate(x);
        Tensor start = activatesFirst ? activated : x;
        return branch.convolve(activated).add(projection == null ? start : projection.forward(start));
    }
}
