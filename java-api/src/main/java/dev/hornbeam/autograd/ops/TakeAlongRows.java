package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.tape.BinaryCode;
import dev.hornbeam.internal.tape.Facts;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Saved;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** One element of every row of a matrix. */
@NativeOp(value = "take_along_rows", gradient = "composed")
public final class TakeAlongRows {
    private TakeAlongRows() {}

    /** The elements {@code x[i, index[i]]}, for x [n, k] and {@code index} i64 [n]: [n]. */
    public static Tensor takeAlongRows(Tensor x, Tensor index) {
        long y = HornbeamNative.takeAlongRows(
                handle(x, "take_along_rows", "x"), handle(index, "take_along_rows", "index"));
        Tensor result = Tape.result(y, null, Tape.records(x) ? new Gradient(x, index) : null);
        if (Tracer.isOn()) {
            Tracer.op("take_along_rows").in("x", x).in("index", index).out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final Facts facts;
        private final Saved index;

        Gradient(Tensor x, Tensor index) {
            super(x);
            this.facts = Tape.facts(x);
            this.index = save(index, "index");
        }

        @Override
        public String name() {
            return "take_along_rows";
        }

        /** dx[i, c] = dy[i] where c = index[i], else 0. */
        @Override
        protected void backward(long dy) {
            Scratch scratch = Tape.scratch();
            long rows = facts.shape()[0];
            long columns = facts.shape()[1];
            long numbers = 0;
            long indexColumn = 0;
            long chosen = 0;
            long dyColumn = 0;
            long zero = 0;
            long dx = 0;
            try {
                numbers = numbers(columns);
                indexColumn = HornbeamNative.reshape(index.get(), 2, scratch.shape(rows, 1));
                chosen = HornbeamNative.binary(BinaryCode.EQ, indexColumn, numbers);
                dyColumn = HornbeamNative.reshape(dy, 2, scratch.shape(rows, 1));
                zero = Tape.zero(facts);
                dx = HornbeamNative.where(chosen, dyColumn, zero);
            } finally {
                Tape.release(zero);
                Tape.release(dyColumn);
                Tape.release(chosen);
                Tape.release(indexColumn);
                Tape.release(numbers);
            }
            give(0, dx);
        }

        /** 0, 1, .., columns - 1 where x lives. */
        private long numbers(long columns) {
            Scratch scratch = Tape.scratch();
            long numbers = HornbeamNative.empty(facts.device().code(), DType.I64.code(), 1, scratch.shape(columns));
            try {
                int count = Math.toIntExact(columns);
                MemorySegment values = scratch.array(0, count);
                for (int i = 0; i < count; i++) {
                    values.setAtIndex(ValueLayout.JAVA_LONG, i, i);
                }
                HornbeamNative.write(numbers, values, columns * Long.BYTES);
            } catch (RuntimeException e) {
                HornbeamNative.release(numbers);
                throw e;
            }
            return numbers;
        }
    }
}
