package dev.hornbeam.models;

import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.GlobalAvgPool;
import dev.hornbeam.nn.Init;
import dev.hornbeam.nn.Linear;
import dev.hornbeam.nn.MaxPool2d;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.Tensor;

/**
 * A small convolutional network for 28×28 images: four 3×3 convolutions with norm and ReLU, of widths w | 2w, 2w | 4w, with a 2×2
 * max-pool at each bar, global average pooling and a linear layer.
 *
 * <p>It is this project's own, for quick starts and tests. Input [n, h, w, channels] with h, w at least 4; output logits
 * [n, classes]. With width 32, one channel and 10 classes it has 131,178 parameters.
 */
public final class SmallCnn28 extends Module implements Headed {
    /** Base width if none is given. */
    public static final int WIDTH = 32;

    private final ConvNormAct[] convolutions = new ConvNormAct[4];
    private final MaxPool2d halve = new MaxPool2d(2, 2, 0);
    private final GlobalAvgPool pool = new GlobalAvgPool();
    private final Linear fc;

    /** The network with weights drawn from {@code seed}. */
    public SmallCnn28(ModelSpec spec, Normalisation normalisation, long seed) {
        int width = spec.width().orElse(WIDTH);
        int[] widths = {width, 2 * width, 2 * width, 4 * width};
        int in = spec.channels();
        for (int i = 0; i < widths.length; i++) {
            convolutions[i] = new ConvNormAct(
                    child("conv" + (i + 1), new Conv2d(in, widths[i], 3, 1, 1)),
                    child("bn" + (i + 1), ConvNormAct.norm(normalisation, widths[i])),
                    true);
            in = widths[i];
        }
        fc = child("fc", new Linear(in, spec.classes()));
        Init.standard(this, seed);
        Init.heConvolutions(this, Init.Fan.OUT, seed);
    }

    @Override
    public String head() {
        return "fc";
    }

    @Override
    protected Tensor compute(Tensor x) {
        Tensor y = halve.forward(convolutions[0].forward(x));
        y = halve.forward(convolutions[2].forward(convolutions[1].forward(y)));
        return fc.forward(pool.forward(convolutions[3].forward(y)));
    }
}
