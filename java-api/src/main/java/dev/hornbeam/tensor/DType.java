package dev.hornbeam.tensor;

import java.util.Locale;

/**
 * The type of a tensor's elements.
 *
 * <p>Compute ops take {@link #F32}, on every kernel tier, or {@link #F64}, always on the plain kernels that the tests
 * measure others by. {@link #BF16} is for activations and their gradients: an op that gets them computes in f32, with f32
 * parameters, statistics and losses, and rounds its result once; docs/numerics.md says what is rounded where. The integer
 * types hold indices, labels, masks and images.
 */
public enum DType {
    /** IEEE 754 single precision. */
    F32(0, 4, true),
    /** IEEE 754 double precision. */
    F64(1, 8, true),
    /** The upper half of an {@link #F32}: 8 bits of exponent, 7 of fraction. */
    BF16(2, 2, true),
    /** Signed 64-bit integer: indices and class labels. */
    I64(3, 8, false),
    /** Signed 32-bit integer. */
    I32(4, 4, false),
    /** Unsigned 8-bit integer: images and masks. */
    U8(5, 1, false);

    private static final DType[] BY_CODE = values();

    private final int code;
    private final int bytes;
    private final boolean floating;

    DType(int code, int bytes, boolean floating) {
        this.code = code;
        this.bytes = bytes;
        this.floating = floating;
    }

    /** Size of an element in bytes. */
    public int bytes() {
        return bytes;
    }

    /** Whether it is one of the floating types, which alone can carry gradients. */
    public boolean isFloating() {
        return floating;
    }

    /** The number of this type in the C ABI, {@code hb_dtype}. */
    public int code() {
        return code;
    }

    /** The type with that number in the C ABI. */
    public static DType ofCode(int code) {
        if (code < 0 || code >= BY_CODE.length) {
            throw new TensorArgumentException("dtype code " + code + " is unknown: 0 to " + (BY_CODE.length - 1));
        }
        return BY_CODE[code];
    }

    /** Its name in small letters, as in messages and configurations. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
