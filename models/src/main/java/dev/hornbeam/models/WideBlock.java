package dev.hornbeam.models;

import dev.hornbeam.nn.BatchNorm2d;
import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.Dropout;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.Tensor;

/**
 * With a = relu(bn1(x)): conv2(dropout(relu(bn2(conv1(a))))) + shortcut, where the shortcut is x, or a 1×1 convolution of a
 * where the number of channels changes (Zagoruyko and Komodakis 2016).
 */
final class WideBlock extends Module {
    private final PreActivation branch;
    private final Conv2d projection;

    WideBlock(int in, int out, int stride, double dropRate) {
        BatchNorm2d norm = child("bn1", new BatchNorm2d(in));
        Conv2d conv = child("conv1", new Conv2d(in, out, 3, stride, 1));
        BatchNorm2d middleNorm = child("bn2", new BatchNorm2d(out));
        Dropout dropout = child("dropout", Dropout.elements(dropRate));
        Conv2d last = child("conv2", new Conv2d(out, out, 3, 1, 1));
        branch = new PreActivation(norm, conv, middleNorm, dropout, last);
        projection = stride != 1 || in != out ? child("convShortcut", new Conv2d(in, out, 1, stride, 0)) : null;
    }

    @Override
    protected Tensor compute(Tensor x) {
        Tensor activated = branch.activate(x);
        Tensor shortcut = projection == null ? x : projection.forward(activated);
        return branch.convolve(activated).add(shortcut);
    }
}
