package dev.hornbeam.training.run;

import java.io.IOException;

/**
 * An action on one value that may fail with an {@link IOException}.
 *
 * @param <T> what it acts on, usually an open stream
 */
@FunctionalInterface
public interface IoConsumer<T> {
    /** Acts on {@code value}. */
    void accept(T value) throws IOException;
}
