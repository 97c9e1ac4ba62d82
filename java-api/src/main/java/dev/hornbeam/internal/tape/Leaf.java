package dev.hornbeam.internal.tape;

import dev.hornbeam.tensor.Tensor;

/** The end of the graph at a tensor that the caller made and wants the gradient of. */
public final class Leaf extends Node {
    private final Tensor tensor;

    /** Of this tensor. */
    public Leaf(Tensor tensor) {
        this.tensor = tensor;
    }

    /** The tensor that collects the gradient. */
    Tensor tensor() {
        return tensor;
    }

    @Override
    boolean isLeaf() {
        return true;
    }

    @Override
    public String name() {
        return "leaf";
    }

    @Override
    protected void backward(long dy) {
        throw new AssertionError("a leaf has no backward");
    }
}
