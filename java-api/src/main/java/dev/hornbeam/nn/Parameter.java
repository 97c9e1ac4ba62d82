package dev.hornbeam.nn;

import dev.hornbeam.autograd.ops.Noise;
import dev.hornbeam.tensor.Tensor;

/** A tensor that training changes, and what methods need to know about it. It belongs to the module that made it. */
public final class Parameter {
    /** What the parameter does in its layer. */
    public enum Role {
        /** Kernel of a convolution or a linear layer. */
        KERNEL,
        /** Factor of a normalisation. */
        SCALE,
        /** Bias of a layer, or shift of a normalisation. */
        SHIFT,
        /** Anything else, such as a position embedding. */
        OTHER
    }

    private final Role role;
    private final WeightLayout layout;
    private Tensor value;
    private double decay = 1;
    private int index = -1;
    private Noise noise;

    /** Of this value, which it keeps out of all scopes from now on. */
    public Parameter(Tensor value, Role role, WeightLayout layout) {
        this.value = value.keep().requireGrad();
        this.role = role;
        this.layout = layout;
    }

    /** The tensor; the same object until the module is moved to another type or device. */
    public Tensor value() {
        return value;
    }

    /** What it does in its layer. */
    public Role role() {
        return role;
    }

    /** How it lies in files. */
    public WeightLayout layout() {
        return layout;
    }

    /** Whether it multiplies: a kernel or a normalisation's scale. Only these get weight noise and ASAM's scaling. */
    public boolean isMultiplicative() {
        return role == Role.KERNEL || role == Role.SCALE;
    }

    /** Factor of the optimizer's weight decay; 1 unless set. */
    public double decay() {
        return decay;
    }

    /** Sets the factor of the optimizer's weight decay: 0 for none. */
    public void setDecay(double factor) {
        decay = factor;
    }

    /** Whether training changes it. */
    public boolean isTrainable() {
        return value.requiresGrad();
    }

    /** Says whether training changes it. */
    public void setTrainable(boolean trainable) {
        value.requireGrad(trainable);
        if (!trainable) {
            value.zeroGrad();
        }
    }

    /** The gradient collected so far, or null. */
    public Tensor grad() {
        return value.grad();
    }

    /** Its number in its network, or -1 before {@link Module#indexParameters} gave it one. */
    public int index() {
        return index;
    }

    /** The noise of this step, or null: what its layer passes to the op in training. */
    public Noise noise() {
        return noise;
    }

    void setIndex(int number) {
        index = number;
    }

    void setNoise(WeightNoise step) {
        noise = step == null || !isMultiplicative() ? null : step.forTensor(index);
    }

    /** Takes another tensor in the place of the present one, which is closed. */
    void replace(Tensor other) {
        boolean trainable = isTrainable();
        value.close();
        value = other.keep().requireGrad(trainable);
    }
}
