package dev.hornbeam.models;

import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.nn.BatchNorm2d;
import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.GlobalAvgPool;
import dev.hornbeam.nn.Init;
import dev.hornbeam.nn.Linear;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Parameter;
import dev.hornbeam.nn.Sequential;
import dev.hornbeam.tensor.Tensor;

/**
 * ResNet-18 and ResNet-34 in pre-activation order (He et al. 2016b) for small images: a 3×3 stem without norm, four stages
 * of widths w·(1, 2, 4, 8), global average pooling and a linear layer. There are two published forms; see {@link Form}.
 *
 * <p>Input [n, h, w, channels] with h, w at least 8 or so; output logits [n, classes]. With base width 64 and 10 classes of
 * RGB images, kuangliu's form has 11,171,146 parameters (18 layers) or 21,279,306 (34), DAMP's 1,024 more.
 *
 * <p>Parameters are named as in kuangliu's: {@code conv1, layer1.0.bn1, layer1.0.conv1, layer1.0.bn2, layer1.0.conv2 …
 * layer4.1.conv2, linear}, the shortcuts' convolutions {@code layer2.0.shortcut.0}; DAMP's last norm is {@code bn}.
 */
public final class PreActResNet extends Module implements Headed {
    /** Base width of the published networks. */
    public static final int WIDTH = 64;

    /**
     * In which block the shortcut begins where, and what follows the last block. In both a block that changes the shape has
     * a 1×1 convolution of the activated input, a = relu(bn1(x)), as its shortcut.
     */
    public enum Form {
        /**
         * kuangliu/pytorch-cifar: other blocks' shortcut is x itself, before norm and activation, so that a clean path leads
         * through each stage. After the last block comes the pooling at once, without norm and activation.
         */
        KUANGLIU,
        /**
         * The Flax network of DAMP (Trinh et al. 2024): every block's shortcut begins behind the activation, so a stands in
         * the place of x in other blocks too. A norm and a ReLU follow the last block.
         */
        DAMP
    }

    private final Conv2d stem;
    private final Sequential[] stages = new Sequential[4];
    private final BatchNorm2d lastNorm;
    private final GlobalAvgPool pool = new GlobalAvgPool();
    private final Linear linear;

    private PreActResNet(int[] blocks, Form form, ModelSpec spec) {
        int width = spec.width().orElse(WIDTH);
        stem = child("conv1", new Conv2d(spec.channels(), width, 3, 1, 1));
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
                            (from, to, stride) -> new PreActBlock(from, to, stride, form)));
            in = out;
        }
        lastNorm = form == Form.DAMP ? child("bn", new BatchNorm2d(in)) : null;
        linear = child("linear", new Linear(in, spec.classes()));
    }

    /** PreActResNet-18 with weights drawn from {@code seed}. */
    public static PreActResNet resnet18(Form form, ModelSpec spec, long seed) {
        return new PreActResNet(new int[] {2, 2, 2, 2}, form, spec).initialised(form, seed);
    }

    /** PreActResNet-34 with weights drawn from {@code seed}. */
    public static PreActResNet resnet34(Form form, ModelSpec spec, long seed) {
        return new PreActResNet(new int[] {3, 4, 6, 3}, form, spec).initialised(form, seed);
    }

    private PreActResNet initialised(Form form, long seed) {
        Init.standard(this, seed);
        Init.heConvolutions(this, Init.Fan.OUT, seed);
        if (form == Form.DAMP) {
            // As published: by the number of outputs, not of inputs.
            Parameter weight = linear.weight();
            double bound = 1 / Math.sqrt((double) weight.value().size(0));
            Init.uniform(weight, -bound, bound, seed);
            Init.constant(linear.bias(), 0);
        }
        return this;
    }

    @Override
    public String head() {
        return "linear";
    }

    @Override
    protected Tensor compute(Tensor x) {
        Tensor y = chain(stem.forward(x), stages);
        if (lastNorm != null) {
            y = lastNorm.forward(y, null, Activation.RELU, 0);
        }
        return linear.forward(pool.forward(y));
    }
}
