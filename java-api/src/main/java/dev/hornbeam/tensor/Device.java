package dev.hornbeam.tensor;

import java.util.Locale;

/**
 * Where tensors live and ops run.
 *
 * <p>{@link #cpu()} is always there. A device that is missing makes the op fail that first names it; nothing ever falls
 * back to another one.
 *
 * @param kind the kind of device
 * @param index its number among devices of that kind, 0..255
 */
public record Device(Kind kind, int index) {
    private static final int PER_KIND = 256;
    private static final Device CPU = new Device(Kind.CPU, 0);
    private static final Device NULL = new Device(Kind.NULL, 0);

    /** The kinds of device. */
    public enum Kind {
        /** The processor. */
        CPU(0),
        /** Keeps shapes and computes nothing: for tests of everything around the kernels. */
        NULL(1),
        /** A CUDA GPU. */
        CUDA(2);

        private static final Kind[] BY_CODE = values();

        private final int code;

        Kind(int code) {
            this.code = code;
        }
    }

    /** Checks the index. */
    public Device {
        if (index < 0 || index >= PER_KIND) {
            throw new TensorArgumentException("device index " + index + " is outside 0 to " + (PER_KIND - 1));
        }
    }

    /** System property that names the device of {@link #standard()}. */
    public static final String PROPERTY = "hornbeam.device";

    // Read once: a program whose tensors are born on changing devices is hard to follow.
    private static final class Standard {
        static final Device DEVICE = parse(System.getProperty(PROPERTY, "cpu"));
    }

    /**
     * The device of tensors that are made without naming one, such as {@link Tensor#zeros(long...)}: the processor, or what
     * the system property {@value #PROPERTY} names. So {@code -Dhornbeam.device=cuda} moves a program that names no device
     * to the GPU.
     *
     * @throws TensorArgumentException when the property names no device
     */
    public static Device standard() {
        return Standard.DEVICE;
    }

    /** The processor. */
    public static Device cpu() {
        return CPU;
    }

    /** The device that computes nothing. */
    public static Device nothing() {
        return NULL;
    }

    /** The CUDA GPU with that number. */
    public static Device cuda(int index) {
        return new Device(Kind.CUDA, index);
    }

    /**
     * The device that a text names: {@code cpu}, {@code null}, {@code cuda} or {@code cuda:1}.
     *
     * @throws TensorArgumentException when it names none
     */
    public static Device parse(String text) {
        int colon = text.indexOf(':');
        String kind = colon < 0 ? text : text.substring(0, colon);
        String index = colon < 0 ? "0" : text.substring(colon + 1);
        if (index.matches("[0-9]{1,3}")) {
            switch (kind) {
                case "cpu" -> {
                    return new Device(Kind.CPU, Integer.parseInt(index));
                }
                case "null" -> {
                    return new Device(Kind.NULL, Integer.parseInt(index));
                }
                case "cuda" -> {
                    return new Device(Kind.CUDA, Integer.parseInt(index));
                }
                default -> {}
            }
        }
        throw new TensorArgumentException("device \"" + text + "\" is unknown: say cpu, cuda or cuda:NUMBER");
    }

    /** The device with that number in the C ABI, {@code hb_device}. */
    public static Device ofCode(int code) {
        if (code == 0) {
            return CPU;
        }
        int kind = code / PER_KIND;
        if (code < 0 || kind >= Kind.BY_CODE.length) {
            throw new TensorArgumentException("device code " + code + " is unknown");
        }
        return new Device(Kind.BY_CODE[kind], code % PER_KIND);
    }

    /** Its number in the C ABI. */
    public int code() {
        return kind.code * PER_KIND + index;
    }

    /** Whether the device can be used here. */
    public boolean isAvailable() {
        return Engine.isAvailable(this);
    }

    /** As {@link #parse} reads it. */
    @Override
    public String toString() {
        String name = kind.name().toLowerCase(Locale.ROOT);
        return kind == Kind.CUDA || index != 0 ? name + ":" + index : name;
    }
}
