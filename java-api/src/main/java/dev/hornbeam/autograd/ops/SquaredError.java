package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.BinaryCode;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** Sum of squared differences of every sample, not reduced. */
@NativeOp(value = "squared_error", gradient = "squared_error_backward")
public final class SquaredError {
    private SquaredError() {}

    /** x and target [n, ..]: [n]. Both can carry gradients. */
    public static Tensor squaredError(Tensor x, Tensor target) {
        long loss =
                HornbeamNative.squaredError(handle(x, "squared_error", "x"), handle(target, "squared_error", "target"));
        Tensor result = Tape.result(loss, null, Tape.records(x, target) ? new Gradient(x, target) : null);
        if (Tracer.isOn()) {
            Tracer.op("squared_error").in("x", x).in("target", target).out("loss", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final Saved x;
        private final Saved target;

        Gradient(Tensor x, Tensor target) {
            super(x, target);
            this.x = save(x, "x");
            this.target = save(target, "target");
        }

        @Override
        public String name() {
            return "squared_error";
        }

        @Override
        protected void backward(long dy) {
            long dx = HornbeamNative.squaredErrorBackward(x.get(), target.get(), dy);
            if (wants(1)) {
                try {
                    give(1, HornbeamNative.binaryScalar(BinaryCode.MUL, dx, -1));
                } catch (RuntimeException e) {
                    HornbeamNative.release(dx);
                    throw e;
                }
            }
            give(0, dx);
        }
    }
}
