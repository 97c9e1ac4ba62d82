package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/**
 * Softmax attention within every head (Vaswani et al. 2017): softmax(q kT scale) v, over all positions of a sample. The
 * t x t scores exist in tiles only, forward and backward (Dao et al. 2022): memory grows with t and not with its square.
 */
@NativeOp(value = "attention", gradient = "attention_backward")
public final class Attention {
    private Attention() {}

    /**
     * With scale 1/sqrt(d).
     *
     * @param qkv [n, t, 3 * heads * d], read as [n, t, 3, heads, d]: queries, keys and values as one linear layer makes
     *     them
     * @return [n, t, heads * d]
     */
    public static Tensor attention(Tensor qkv, int heads) {
        return attention(qkv, heads, 0);
    }

    /**
     * With any scale.
     *
     * @param qkv [n, t, 3 * heads * d], read as [n, t, 3, heads, d]: queries, keys and values as one linear layer makes
     *     them
     * @param scale of the scores, at least 0; 0 stands for 1/sqrt(d)
     * @return [n, t, heads * d]
     */
    public static Tensor attention(Tensor qkv, int heads, double scale) {
        Scratch scratch = Tape.scratch();
        HornbeamNative.attention(handle(qkv, "attention", "qkv"), heads, scale, scratch.outputs);
        long y = scratch.output(0);
        long logSum = scratch.output(1);
        Gradient gradient = null;
        if (Tape.records(qkv)) {
            gradient = new Gradient(qkv, y, logSum, heads, scale);
        } else {
            HornbeamNative.release(logSum);
        }
        Tensor result = Tape.result(y, null, gradient);
        if (Tracer.isOn()) {
            Tracer.op("attention")
                    .in("qkv", qkv)
                    .with("heads", heads)
                    .with("scale", scale)
                    .out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final int heads;
        private final double scale;
        private final Saved qkv;
        private final Saved y;
        private final Saved logSum;

        Gradient(Tensor qkv, long y, long logSum, int heads, double scale) {
            super(qkv);
            this.heads = heads;
            this.scale = scale;
            this.qkv = save(qkv, "qkv");
            this.y = saveResult(y, "y");
            this.logSum = own(logSum, "log_sum");
        }

        @Override
        public String name() {
            return "attention";
        }

        @Override
        protected void backward(long dy) {
            give(0, HornbeamNative.attentionBackward(qkv.get(), y.get(), logSum.get(), dy, heads, scale));
        }
    }
}
