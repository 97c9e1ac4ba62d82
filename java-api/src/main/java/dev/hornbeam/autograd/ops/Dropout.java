package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.ffi.Scratch;
import dev.hornbeam.internal.ffi.Structs;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;
import java.lang.foreign.MemorySegment;

/** Zeroes elements by chance and divides the others by 1 - p. Nothing is stored: the gradient draws the same numbers. */
@NativeOp(value = "dropout", gradient = "dropout")
public final class Dropout {
    private Dropout() {}

    /**
     * An element is dropped when its uniform number is below p.
     *
     * @param p the probability, in [0, 1)
     * @param channels whether whole channels of x [n, .., c] are dropped: element sample * c + channel of the stream
     */
    public static Tensor dropout(Tensor x, double p, boolean channels, Philox stream) {
        if (stream == null) {
            throw new TensorArgumentException("dropout: stream is null");
        }
        Scratch scratch = Tape.scratch();
        long y = HornbeamNative.dropout(handle(x, "dropout", "x"), p, channels ? 1 : 0, fill(scratch.stream, stream));
        Tensor result = Tape.result(y, Tape.known(x), Tape.records(x) ? new Gradient(x, p, channels, stream) : null);
        if (Tracer.isOn()) {
            Tracer.op("dropout")
                    .in("x", x)
                    .with("p", p)
                    .with("channels", channels)
                    .with("stream", stream)
                    .out("y", result);
        }
        return result;
    }

    private static MemorySegment fill(MemorySegment at, Philox stream) {
        return Structs.Stream.fill(
                at, stream.seed(), stream.purpose().code(), stream.tensor(), stream.step(), stream.stream());
    }

    private static final class Gradient extends Node {
        private final double p;
        private final boolean channels;
        private final Philox stream;

        Gradient(Tensor x, double p, boolean channels, Philox stream) {
            super(x);
            this.p = p;
            this.channels = channels;
            this.stream = stream;
        }

        @Override
        public String name() {
            return "dropout";
        }

        @Override
        protected void backward(long dy) {
            Scratch scratch = Tape.scratch();
            give(0, HornbeamNative.dropout(dy, p, channels ? 1 : 0, fill(scratch.stream, stream)));
        }
    }
}
