package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;
import static dev.hornbeam.internal.tape.Tape.optional;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** x wT + bias, with noise on w drawn where it is read. */
@NativeOp(value = "linear", gradient = "linear_backward_data linear_backward_weight")
public final class Linear {
    private Linear() {}

    /**
     * x [.., in], w [out, in], bias [out] or null: [.., out].
     *
     * @param noise on w, or null; its runs split x's first dimension
     */
    public static Tensor linear(Tensor x, Tensor w, Tensor bias, Noise noise) {
        Scratch scratch = Tape.scratch();
        long y = HornbeamNative.linear(
                handle(x, "linear", "x"),
                handle(w, "linear", "w"),
                optional(bias, "linear", "bias"),
                Noise.optional(noise, scratch.noise));
        Tensor result = Tape.result(y, null, Tape.records(x, w, bias) ? new Gradient(x, w, bias, noise) : null);
        if (Tracer.isOn()) {
            Tracer.op("linear")
                    .in("x", x)
                    .in("w", w)
                    .in("bias", bias)
                    .with("noise", noise)
                    .out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final Noise noise;
        private final Saved x;
        private final Saved w;

        Gradient(Tensor x, Tensor w, Tensor bias, Noise noise) {
            super(x, w, bias);
            this.noise = noise;
            this.x = save(x, "x");
            this.w = save(w, "w");
        }

        @Override
        public String name() {
            return "linear";
        }

        @Override
        protected void backward(long dy) {
            Scratch scratch = Tape.scratch();
            if (wants(0)) {
                give(0, HornbeamNative.linearBackwardData(dy, w.get(), Noise.optional(noise, scratch.noise)));
            }
            if (wants(1) || wants(2)) {
                HornbeamNative.linearBackwardWeight(
                        x.get(), dy, wants(2) ? 1 : 0, Noise.optional(noise, scratch.noise), scratch.outputs);
                long bias = scratch.output(1);
                give(1, scratch.output(0));
                if (bias != 0) {
                    give(2, bias);
                }
            }
        }
    }
}
