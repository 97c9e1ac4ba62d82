package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;
import static dev.hornbeam.internal.tape.Tape.optional;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.Facts;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;

/** Convolution of images with a kernel, with noise on the kernel drawn where it is read. */
@NativeOp(value = "conv2d", gradient = "conv2d_backward_data conv2d_backward_weight")
public final class Conv2d {
    private Conv2d() {}

    /**
     * x [n, h, w, c], w [o, kh, kw, c / groups], bias [o] or null: [n, oh, ow, o], with
     * {@code oh = (h + 2 pad - dilation (kh - 1) - 1) / stride + 1}.
     *
     * @param noise on w, or null; its runs split the batch
     */
    public static Tensor conv2d(Tensor x, Tensor w, Tensor bias, Conv2dOptions options, Noise noise) {
        requireOptions(options, "conv2d");
        Scratch scratch = Tape.scratch();
        long y = HornbeamNative.conv2d(
                handle(x, "conv2d", "x"),
                handle(w, "conv2d", "w"),
                optional(bias, "conv2d", "bias"),
                options.fill(scratch.conv),
                Noise.optional(noise, scratch.noise));
        Tensor result =
                Tape.result(y, null, Tape.records(x, w, bias) ? new Gradient(x, w, bias, options, noise) : null);
        if (Tracer.isOn()) {
            Tracer.op("conv2d")
                    .in("x", x)
                    .in("w", w)
                    .in("bias", bias)
                    .with("options", options)
                    .with("noise", noise)
                    .out("y", result);
        }
        return result;
    }

    static void requireOptions(Object options, String op) {
        if (options == null) {
            throw new TensorArgumentException(op + ": options are null");
        }
    }

    private static final class Gradient extends Node {
        private final Conv2dOptions options;
        private final Noise noise;
        private final long height;
        private final long width;
        private final long kernelH;
        private final long kernelW;
        private final Saved x;
        private final Saved w;

        Gradient(Tensor x, Tensor w, Tensor bias, Conv2dOptions options, Noise noise) {
            super(x, w, bias);
            this.options = options;
            this.noise = noise;
            Facts image = Tape.facts(x);
            Facts kernel = Tape.facts(w);
            this.height = image.shape()[1];
            this.width = image.shape()[2];
            this.kernelH = kernel.shape()[1];
            this.kernelW = kernel.shape()[2];
            this.x = save(x, "x");
            this.w = save(w, "w");
        }

        @Override
        public String name() {
            return "conv2d";
        }

        @Override
        protected void backward(long dy) {
            Scratch scratch = Tape.scratch();
            if (wants(0)) {
                give(
                        0,
                        HornbeamNative.conv2dBackwardData(
                                dy,
                                w.get(),
                                height,
                                width,
                                options.fill(scratch.conv),
                                Noise.optional(noise, scratch.noise)));
            }
            if (wants(1) || wants(2)) {
                HornbeamNative.conv2dBackwardWeight(
                        x.get(),
                        dy,
                        kernelH,
                        kernelW,
                        wants(2) ? 1 : 0,
                        options.fill(scratch.conv),
                        Noise.optional(noise, scratch.noise),
                        scratch.outputs);
                long bias = scratch.output(1);
                give(1, scratch.output(0));
                if (bias != 0) {
                    give(2, bias);
                }
            }
        }
    }
}
