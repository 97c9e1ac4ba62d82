package dev.hornbeam.autograd;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.BackwardPass;
import dev.hornbeam.internal.tape.Facts;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.TensorAccess;
import dev.hornbeam.internal.tape.ThreadContext;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;
import java.util.Arrays;

/**
 * Gradients of recorded computations.
 *
 * <p>Ops are recorded as they run, on tensors that {@linkplain Tensor#requireGrad() ask for their gradient} and on what is
 * computed from them. A record keeps what its gradient needs, whatever scopes do meanwhile, and lets go of it when backward
 * has used it or when nobody can ask any more.
 *
 * <p>Gradients are plain numbers, not recorded themselves: second derivatives are not supported. A graph belongs to the
 * thread that recorded it. The same computation gives the same bits in every run.
 *
 * <p>A gradient has the type of its tensor. That of a bf16 activation is bf16: where several ops read it, their parts are
 * added one by one in the order of the walk, youngest op first, each sum rounded to bf16. Parameters of ops are f32, and
 * so are their gradients, also where the activations are bf16.
 */
public final class Autograd {
    private Autograd() {}

    /** Ends the stretch of code in which nothing is recorded. */
    public static final class NoGrad implements AutoCloseable {
        private final boolean before;

        private NoGrad(boolean before) {
            this.before = before;
        }

        /** Records again, if that was so before. */
        @Override
        public void close() {
            ThreadContext.current().recording = before;
        }
    }

    /** Stops this thread's recording until the result is closed: for evaluation, and for changes that no gradient sees. */
    public static NoGrad noGrad() {
        ThreadContext context = ThreadContext.current();
        NoGrad guard = new NoGrad(context.recording);
        context.recording = false;
        return guard;
    }

    /** Whether this thread records. */
    public static boolean isRecording() {
        return ThreadContext.current().recording;
    }

    /** Adds the gradient of a scalar to {@link Tensor#grad()} of every leaf that it was computed from; uses the graph up. */
    public static void backward(Tensor loss) {
        backward(loss, null, false);
    }

    /** The same with the gradient of {@code output} given, of the same shape and type. */
    public static void backward(Tensor output, Tensor gradient) {
        backward(output, gradient, false);
    }

    /**
     * Adds gradients to {@link Tensor#grad()} of every leaf.
     *
     * @param gradient that of {@code output}, of the same shape and type; null stands for 1 and needs a single element
     * @param retainGraph whether the graph stays, so that backward can go through it again
     * @throws TensorArgumentException when {@code output} depends on no tensor that asks for its gradient
     * @throws IllegalStateException when the graph was used up already, or a kept tensor was changed in place
     */
    public static void backward(Tensor output, Tensor gradient, boolean retainGraph) {
        Node root = BackwardPass.root(output, "backward");
        BackwardPass.accumulate(root, seed(output, gradient, "backward"), retainGraph);
    }

    /** The gradients of a scalar with respect to some tensors; no leaf collects anything; uses the graph up. */
    public static Tensor[] grad(Tensor output, Tensor... inputs) {
        return grad(output, null, false, inputs);
    }

    /**
     * The gradients of {@code output} with respect to some leaves or results on the way; only what these need is computed,
     * and no leaf collects anything.
     *
     * @param gradient that of {@code output}, of the same shape and type; null stands for 1 and needs a single element
     * @param retainGraph whether the graph stays
     * @return one gradient per input, in the innermost scope
     * @throws TensorArgumentException when {@code output} does not depend on an input
     */
    public static Tensor[] grad(Tensor output, Tensor gradient, boolean retainGraph, Tensor... inputs) {
        Node root = BackwardPass.root(output, "grad");
        Node[] targets = new Node[inputs.length];
        for (int i = 0; i < inputs.length; i++) {
            Tape.handle(inputs[i], "grad", "inputs[" + i + "]");
            targets[i] = TensorAccess.get().node(inputs[i]);
            if (targets[i] == null) {
                throw new TensorArgumentException("grad: inputs[" + i
                        + "] does not ask for its gradient; call requireGrad() on it before the forward pass");
            }
        }
        long[] handles = BackwardPass.gradients(root, seed(output, gradient, "grad"), true, retainGraph, targets);
        for (int i = 0; i < handles.length; i++) {
            if (handles[i] == 0) {
                Arrays.stream(handles).forEach(Tape::release);
                throw new TensorArgumentException("grad: output does not depend on inputs[" + i + "]");
            }
        }
        Tensor[] gradients = new Tensor[handles.length];
        for (int i = 0; i < handles.length; i++) {
            gradients[i] = Tape.result(handles[i], Tape.known(inputs[i]));
        }
        return gradients;
    }

    private static long seed(Tensor output, Tensor gradient, String op) {
        Facts facts = Tape.facts(output);
        if (gradient == null) {
            if (facts.elements() != 1) {
                throw new TensorArgumentException(op + ": output " + facts + " has " + facts.elements()
                        + " elements, so its gradient must be given; only a single number has 1 for it");
            }
            return HornbeamNative.full(
                    facts.device().code(),
                    facts.dtype().code(),
                    facts.rank(),
                    Tape.scratch().shape(facts.shape()),
                    1);
        }
        long handle = Tape.handle(gradient, op, "gradient");
        Facts given = Tape.facts(gradient);
        if (!given.sameShape(facts) || given.dtype() != facts.dtype()) {
            throw new TensorArgumentException(
                    op + ": gradient is " + given + ", but output is " + facts + "; they must be alike");
        }
        return HornbeamNative.cast(handle, facts.dtype().code());
    }
}
