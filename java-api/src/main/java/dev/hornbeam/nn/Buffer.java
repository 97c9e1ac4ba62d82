package dev.hornbeam.nn;

import dev.hornbeam.tensor.Tensor;

/** A tensor that belongs to a module's state but is not trained, such as running statistics. */
public final class Buffer {
    private Tensor value;

    Buffer(Tensor value) {
        this.value = value.keep();
    }

    /** The tensor; the same object until the module is moved to another type or device. */
    public Tensor value() {
        return value;
    }

    void replace(Tensor other) {
        value.close();
        value = other.keep();
    }
}
