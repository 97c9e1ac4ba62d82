package dev.hornbeam.models;

import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.autograd.ops.Conv2dOptions;
import dev.hornbeam.nn.BatchNorm2d;
import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.Dropout;
import dev.hornbeam.nn.GlobalAvgPool;
import dev.hornbeam.nn.Init;
import dev.hornbeam.nn.Lambda;
import dev.hornbeam.nn.Linear;
import dev.hornbeam.nn.MaxPool2d;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * The nine-layer network of co-teaching (Han et al. 2018), which PRL and others took over: 3×3 convolutions with bias, norm
 * and leaky ReLU of slope 0.01, of widths w, w, w | 2w, 2w, 2w | 4w, 2w, w, with a 2×2 max-pool and a dropout of whole
 * channels at each bar, the last three without padding, global average pooling and a linear layer.
 *
 * <p>Input [n, h, w, channels] with h, w at least 28; output logits [n, classes]. With base width 128 and 10 classes of RGB
 * images it has 4,434,570 parameters. The drop rate is 0.25 unless given.
 *
 * <p>Parameters are named {@code c1 … c9, l_c1, bn1 … bn9}.
 */
public final class Cnn9 extends Module implements Headed {
    /** Base width of the published network. */
    public static final int WIDTH = 128;

    private static final int[] FACTORS = {1, 1, 1, 2, 2, 2, 4, 2, 1};
    private static final double SLOPE = 0.01;
    private static final double DROP_RATE = 0.25;

    private final Module[] layers; // in the order they are applied; registered one by one, under the published names

    /** The network with weights drawn from {@code seed}. */
    public Cnn9(ModelSpec spec, long seed) {
        int width = spec.width().orElse(WIDTH);
        int in = spec.channels();
        Conv2d[] convolutions = new Conv2d[FACTORS.length];
        for (int i = 0; i < convolutions.length; i++) {
            int out = width * FACTORS[i];
            Conv2dOptions options = Conv2dOptions.of(1, i < 6 ? 1 : 0);
            convolutions[i] = child("c" + (i + 1), new Conv2d(in, out, 3, options, true));
            in = out;
        }
        Linear linear = child("l_c1", new Linear(in, spec.classes()));
        List<Module> order = new ArrayList<>();
        List<Dropout> dropouts = new ArrayList<>();
        for (int i = 0; i < convolutions.length; i++) {
            Conv2d conv = convolutions[i];
            BatchNorm2d norm = child("bn" + (i + 1), new BatchNorm2d(width * FACTORS[i]));
            order.add(new Lambda(x -> norm.forward(conv.forward(x), null, Activation.LEAKY_RELU, SLOPE)));
            if (i == 2 || i == 5) {
                order.add(new MaxPool2d(2, 2, 0));
                dropouts.add(Dropout.channels(spec.dropRate().orElse(DROP_RATE)));
                order.add(dropouts.getLast());
            }
        }
        for (int i = 0; i < dropouts.size(); i++) {
            child("dropout" + (i + 1), dropouts.get(i));
        }
        order.add(new GlobalAvgPool());
        order.add(linear);
        layers = order.toArray(new Module[0]);
        // He's normal numbers by fan in, as PRL starts.
        Init.standard(this, seed);
        Init.heConvolutions(this, Init.Fan.IN, seed);
        Init.heNormal(linear.weight(), Init.Fan.IN, Init.RELU_GAIN, seed);
    }

    @Override
    public String head() {
        return "l_c1";
    }

    @Override
    protected Tensor compute(Tensor x) {
        return chain(x, layers);
    }
}
