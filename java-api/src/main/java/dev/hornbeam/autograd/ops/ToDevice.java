package dev.hornbeam.autograd.ops;

import static dev.hornbeam.internal.tape.Tape.handle;

import dev.hornbeam.internal.ffi.HornbeamNative;
import dev.hornbeam.internal.tape.Node;
import dev.hornbeam.internal.tape.Tape;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;

/** A dense copy on a device; the gradient is copied back. */
public final class ToDevice {
    private ToDevice() {}

    /** Always new memory, also where x is on that device already. */
    public static Tensor toDevice(Tensor x, Device device) {
        long held = handle(x, "to_device", "x");
        if (device == null) {
            throw new TensorArgumentException("to_device: device is null");
        }
        long y = HornbeamNative.toDevice(held, device.code());
        Tensor result = Tape.result(y, null, Tape.records(x) ? new Gradient(x) : null);
        if (Tracer.isOn()) {
            Tracer.op("to_device").in("x", x).with("device", device).out("y", result);
        }
        return result;
    }

    private static final class Gradient extends Node {
        private final Device from;

        Gradient(Tensor x) {
            super(x);
            this.from = Tape.facts(x).device();
        }

        @Override
        public String name() {
            return "to_device";
        }

        @Override
        protected void backward(long dy) {
            give(0, HornbeamNative.toDevice(dy, from.code()));
        }
    }
}
