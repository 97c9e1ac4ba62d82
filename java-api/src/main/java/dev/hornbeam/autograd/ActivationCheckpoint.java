package dev.hornbeam.autograd;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.BackwardPass;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.TensorAccess;
import dev.hornbeam.internal.tape.ThreadContext;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.Arrays;
import java.util.function.UnaryOperator;

/**
 * Trades time for memory: a stretch of a computation that keeps only its input, and runs again in the backward pass for what
 * its gradients need (Chen et al. 2016, "Training deep nets with sublinear memory cost").
 *
 * <p>The second run does the same arithmetic on the same numbers, so results and gradients have the bits that they have
 * without it. A step costs about a forward pass of the stretch more.
 *
 * <p>Networks have this built in: {@link dev.hornbeam.nn.Module#setActivationCheckpointing}.
 */
public final class ActivationCheckpoint {
    private ActivationCheckpoint() {}

    /**
     * The function's value.
     *
     * <p>The function must give the same result when it is called again: random numbers come from {@link
     * dev.hornbeam.tensor.Philox}, and what it changes besides, such as running statistics, it changes only when not {@link
     * #isRecomputing()}.
     *
     * @param function of {@code x} and {@code parameters}, and of no other tensor that asks for a gradient
     * @param parameters the tensors that ask for gradients and that the function reads besides x
     */
    public static Tensor checkpoint(UnaryOperator<Tensor> function, Tensor x, Tensor... parameters) {
        Tensor[] inputs = new Tensor[parameters.length + 1];
        inputs[0] = x;
        System.arraycopy(parameters, 0, inputs, 1, parameters.length);
        for (int i = 0; i < inputs.length; i++) {
            Tape.handle(inputs[i], Gradient.OP, i == 0 ? "x" : "parameters[" + (i - 1) + "]");
        }
        if (!Tape.records(inputs)) {
            return function.apply(x);
        }
        Tensor value;
        long y;
        try (var _ = TensorScope.open();
                var _ = Autograd.noGrad()) {
            value = function.apply(x);
            y = HornbeamNative.alias(Tape.handle(value, Gradient.OP, "result of the function"));
        }
        Tensor result = Tape.result(y, null, new Gradient(function, inputs));
        // A trace sees the ops of the function.
        return Tracer.isOn() ? Tracer.same(value, result) : result;
    }

    /** Whether this thread is in the second run of a function. */
    public static boolean isRecomputing() {
        return ThreadContext.current().recomputing;
    }

    private static final class Gradient extends Node {
        static final String OP = "activation checkpoint";

        private final UnaryOperator<Tensor> function;
        private final Tensor[] parameters;
        private final Saved[] kept;

        Gradient(UnaryOperator<Tensor> function, Tensor[] inputs) {
            super(inputs);
            this.function = function;
            this.parameters = Arrays.copyOfRange(inputs, 1, inputs.length);
            this.kept = new Saved[inputs.length];
            for (int i = 0; i < inputs.length; i++) {
                kept[i] = save(inputs[i], i == 0 ? "x" : "parameters[" + (i - 1) + "]");
            }
        }

        @Override
        public String name() {
            return OP;
        }

        @Override
        protected void backward(long dy) {
            // The second run reads the parameters themselves: they must still be what the first one read.
            for (Saved parameter : kept) {
                parameter.get();
            }
            ThreadContext context = ThreadContext.current();
            boolean recording = context.recording;
            boolean recomputing = context.recomputing;
            context.recording = true;
            context.recomputing = true;
            try (var _ = TensorScope.open()) {
                Tensor x =
                        Tape.result(HornbeamNative.alias(kept[0].get()), null).requireGrad(wants(0));
                Node root = TensorAccess.get().node(function.apply(x));
                if (root == null) {
                    return;
                }
                sendOn(x, root, dy);
            } finally {
                context.recording = recording;
                context.recomputing = recomputing;
            }
        }

        private void sendOn(Tensor x, Node root, long dy) {
            int[] inputs = new int[kept.length];
            Node[] targets = new Node[kept.length];
            int count = 0;
            for (int i = 0; i < kept.length; i++) {
                if (wants(i)) {
                    inputs[count] = i;
                    targets[count++] = TensorAccess.get().node(i == 0 ? x : parameters[i - 1]);
                }
            }
            boolean own = ownsGradient();
            long[] gradients =
                    BackwardPass.gradients(root, HornbeamNative.alias(dy), own, false, Arrays.copyOf(targets, count));
            int next = 0;
            try {
                while (next < count) {
                    long gradient = gradients[next];
                    if (gradient != 0) {
                        give(inputs[next], gradient);
                    }
                    next++;
                }
            } finally {
                // Delivery of one failed: it took over its own handle, the ones after it are still here.
                for (int i = next + 1; i < count; i++) {
                    Tape.release(gradients[i]);
                }
            }
        }
    }
}
