package dev.hornbeam.bench;

import dev.hornbeam.autograd.OpTrace.Op;
import dev.hornbeam.autograd.OpTrace.Value;
import dev.hornbeam.autograd.ops.Conv2dOptions;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.NetworkTrace;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The convolutions of networks, found by letting them run on the device that computes nothing. */
final class NetworkConvolutions {
    /**
     * A network at a size.
     *
     * @param name as in docs/performance.md
     * @param model as in the catalog
     * @param batch images
     * @param side of the images, in pixels
     * @param classes that it tells apart
     */
    record Sized(String name, String model, int batch, int side, int classes) {}

    /** The networks of docs/performance.md, at the sizes of that comparison. */
    static final List<Sized> NETWORKS = List.of(
            new Sized("resnet20", "resnet20", 128, 32, 10),
            new Sized("resnet32", "resnet32", 128, 32, 10),
            new Sized("resnet18", "resnet18", 128, 32, 10),
            new Sized("preactresnet18", "preactresnet18_damp", 32, 64, 200),
            new Sized("wrn-28-10", "wrn-28-10", 32, 32, 10),
            new Sized("cnn9", "cnn9", 128, 32, 10),
            new Sized("vit-s-16", "vit-s-16", 16, 224, 1000));

    /**
     * A convolution without groups of x [n, h, w, c] by a kernel [o, kh, kw, c].
     *
     * @param options its strides, paddings and dilations
     */
    record Convolution(int n, int h, int w, int c, int o, int kh, int kw, Conv2dOptions options) {
        int outH() {
            return (h + 2 * options.padH() - options.dilationH() * (kh - 1) - 1) / options.strideH() + 1;
        }

        int outW() {
            return (w + 2 * options.padW() - options.dilationW() * (kw - 1) - 1) / options.strideW() + 1;
        }

        /** Multiplications and additions of any of the three passes, as the direct sum has them. */
        double flops() {
            return 2.0 * n * outH() * outW() * o * kh * kw * c;
        }

        @Override
        public String toString() {
            return "%d×%d×%d×%d by %d %d×%d".formatted(n, h, w, c, o, kh, kw)
                    + (options.strideH() == 1 ? "" : ", stride " + options.strideH())
                    + (options.padH() == 0 ? "" : ", pad " + options.padH());
        }
    }

    private NetworkConvolutions() {}

    /** The different convolutions of a network, each with the number of layers that have it, in the order of the first. */
    static Map<Convolution, Integer> of(Sized sized) {
        Map<Convolution, Integer> layers = new LinkedHashMap<>();
        try (TensorScope _ = TensorScope.open();
                Module network = ModelCatalog.create(
                        sized.model(), ModelSpec.of(3, sized.classes()).withSide(sized.side()), 0)) {
            network.to(Device.nothing()).train();
            network.setStep(0, 0);
            Tensor x = Tensor.empty(DType.F32, Device.nothing(), sized.batch(), sized.side(), sized.side(), 3);
            for (NetworkTrace.Step step : NetworkTrace.of(network, x).steps()) {
                Op op = step.op();
                switch (op.name()) {
                    case "conv2d" -> layers.merge(convolution(op, "options"), 1, Integer::sum);
                    case "conv_bn_act" -> layers.merge(convolution(op, "conv"), 1, Integer::sum);
                    default -> {
                        // Without a kernel.
                    }
                }
            }
        }
        return layers;
    }

    private static Convolution convolution(Op op, String options) {
        Value x = op.input("x");
        Value w = op.input("w");
        Conv2dOptions settings = op.attribute(options, Conv2dOptions.class);
        if (settings.groups() != 1) {
            throw new IllegalArgumentException("groups is " + settings.groups() + "; expected 1 in " + op);
        }
        return new Convolution(
                size(x, 0), size(x, 1), size(x, 2), size(x, 3), size(w, 0), size(w, 1), size(w, 2), settings);
    }

    private static int size(Value value, int dimension) {
        return Math.toIntExact(value.shape().get(dimension));
    }
}
