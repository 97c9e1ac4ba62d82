package dev.hornbeam.models;

import dev.hornbeam.nn.BatchNorm2d;
import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Sequential;
import dev.hornbeam.tensor.Tensor;

/**
 * With a = relu(bn1(x)): conv2(relu(bn2(conv1(a)))) + shortcut, where the shortcut is a 1×1 convolution of a where the shape
 * changes, and else x or a, by the network's form (see {@link PreActResNet.Form}).
 */
final class PreActBlock extends Module {
    private final PreActivation branch;
    private final Conv2d projection;
    private final PreActResNet.Form form;

    PreActBlock(int in, int out, int stride, PreActResNet.Form form) {
        this.form = form;
        BatchNorm2d norm = child("bn1", new BatchNorm2d(in));
        Conv2d conv = child("conv1", new Conv2d(in, out, 3, stride, 1));
        BatchNorm2d middleNorm = child("bn2", new BatchNorm2d(out));
        Conv2d last = child("conv2", new Conv2d(out, out, 3, 1, 1));
        branch = new PreActivation(norm, conv, middleNorm, null, last);
        if (stride != 1 || in != out) {
            projection = new Conv2d(in, out, 1, stride, 0);
            child("shortcut", new Sequential(projection));
        } else {
            projection = null;
        }
    }

    @Override
    protected Tensor compute(Tensor x) {
        Tensor activated = branch.activate(x);
        Tensor shortcut = projection != null
                ? projection.forward(activated)
                : switch (form) {
                    case KUANGLIU -> x;
                    case DAMP -> activated;
                };
        return branch.convolve(activated).add(shortcut);
    }
}
