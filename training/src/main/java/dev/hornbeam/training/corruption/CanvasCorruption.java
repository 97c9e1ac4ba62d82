package dev.hornbeam.training.corruption;

/** A corruption as it is carried out: from the bytes of a canvas to its levels, or to its bytes. */
abstract non-sealed class CanvasCorruption implements Corruption {
    private final String name;

    CanvasCorruption(String name) {
        this.name = name;
    }

    @Override
    public final String name() {
        return name;
    }

    /**
     * Reads {@link Canvas#in} and fills either {@link Canvas#out} with levels, of which the caller cuts off what is
     * outside 0 to 255 and what is behind the point, or the array that {@link Canvas#bytesOut} gives.
     *
     * @param severity 1 (mild) to 5 (strong)
     * @throws dev.hornbeam.training.UserError if the image is too small for this corruption
     */
    abstract void apply(Canvas canvas, int severity, ConstantSet constants, Draws draws);

    @Override
    public final String toString() {
        return name;
    }
}
