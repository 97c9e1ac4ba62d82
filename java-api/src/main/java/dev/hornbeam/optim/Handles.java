package dev.hornbeam.optim;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.nn.Parameter;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Arrays of handles for the calls that work on many tensors at once, in this thread's scratch memory. */
final class Handles {
    private Handles() {}

    /** Array number {@code slot} with the parameters' tensors. */
    static MemorySegment values(int slot, List<Parameter> parameters, String op) {
        Scratch scratch = Tape.scratch();
        MemorySegment array = scratch.array(slot, parameters.size());
        for (int i = 0; i < parameters.size(); i++) {
            array.setAtIndex(JAVA_LONG, i, Tape.handle(parameters.get(i).value(), op, "parameters[" + i + "]"));
        }
        return array;
    }

    /** Array number {@code slot} with the parameters' gradients. */
    static MemorySegment gradients(int slot, List<Parameter> parameters, String op) {
        MemorySegment array = Tape.scratch().array(slot, parameters.size());
        for (int i = 0; i < parameters.size(); i++) {
            array.setAtIndex(JAVA_LONG, i, Tape.handle(parameters.get(i).grad(), op, "gradients[" + i + "]"));
        }
        return array;
    }

    /** Array number {@code slot} with tensors. */
    static MemorySegment tensors(int slot, List<Tensor> tensors, String op, String what) {
        MemorySegment array = Tape.scratch().array(slot, tensors.size());
        for (int i = 0; i < tensors.size(); i++) {
            array.setAtIndex(JAVA_LONG, i, Tape.handle(tensors.get(i), op, what));
        }
        return array;
    }

    /** Array number {@code slot} with the parameters' factors of weight decay. */
    static MemorySegment decay(int slot, List<Parameter> parameters) {
        MemorySegment array = Tape.scratch().array(slot, parameters.size());
        for (int i = 0; i < parameters.size(); i++) {
            array.setAtIndex(JAVA_DOUBLE, i, parameters.get(i).decay());
        }
        return array;
    }

    /** Array number {@code slot} with 1 for every parameter that multiplies, else 0. */
    static MemorySegment multiplicative(int slot, List<Parameter> parameters) {
        MemorySegment array = Tape.scratch().array(slot, parameters.size());
        for (int i = 0; i < parameters.size(); i++) {
            array.setAtIndex(JAVA_INT, i, parameters.get(i).isMultiplicative() ? 1 : 0);
        }
        return array;
    }

    /** Tells that the parameters' memory was written to. */
    static void changed(List<Parameter> parameters) {
        for (Parameter parameter : parameters) {
            Tape.changed(parameter.value());
        }
    }

    /** Those that have a gradient. */
    static boolean hasGradient(Parameter parameter) {
        return parameter.isTrainable() && parameter.grad() != null;
    }

    /** Zeros like the parameter, in no scope; the caller closes them. */
    static Tensor zerosLike(Parameter parameter) {
        Tensor value = parameter.value();
        DType dtype = value.dtype();
        return Tensor.zeros(dtype, value.device(), value.shape()).keep();
    }
}
