package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;

/** Kullback-Leibler divergence of every sample, not reduced. */
@NativeOp(value = "kl_divergence", gradient = "kl_divergence_backward")
public final class KlDivergence {
    private KlDivergence() {}

    /** sum_c p_c (log p_c - log q_c) with p, q the softmax of the logits [n, k]: [n]. */
    public static Tensor klDivergence(Tensor pLogits, Tensor qLogits) {
        long loss = HornbeamNative.klDivergence(
                handle(pLogits, "kl_divergence", "p_logits"), handle(qLogits, "kl_divergence", "q_logits"));
        Tensor result = Tape.result(loss, null, Tape.records(pLogits, qLogits) ? new Gradient(pLogits, qLogits) : null);
        if (Tracer.isOn()) {
            Tracer.op("kl_divergence")
                    .in("p_logits", pLogits)
                    .in("q_logits", qLogits)
                    .out("loss", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final Saved p;
        private final Saved q;

        Gradient(Tensor pLogits, Tensor qLogits) {
            super(pLogits, qLogits);
            this.p = save(pLogits, "p_logits");
            this.q = save(qLogits, "q_logits");
        }

        @Override
        public String name() {
            return "kl_divergence";
        }

        @Override
        protected void backward(long dy) {
            Scratch scratch = Tape.scratch();
            HornbeamNative.klDivergenceBackward(p.get(), q.get(), dy, scratch.outputs);
            giveOutputs(2);
        }
    }
}
