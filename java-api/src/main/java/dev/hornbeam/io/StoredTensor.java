package dev.hornbeam.io;

import dev.hornbeam.tensor.DType;
import java.nio.file.Path;
import java.util.Optional;

/** A tensor of a file, before it is read: name, type and shape. */
public final class StoredTensor {
    private final String name;
    private final String type;
    private final DType readAs;
    private final long[] shape;

    StoredTensor(String name, String type, DType readAs, long[] shape) {
        this.name = name;
        this.type = type;
        this.readAs = readAs;
        this.shape = shape;
    }

    /** Its name, with those of the dictionaries around it before it and a dot between them. */
    public String name() {
        return name;
    }

    /** Type of its elements in the file, in small letters, such as f16. */
    public String type() {
        return type;
    }

    /** Type that its elements have once they are read; empty where this library does not read them. */
    public Optional<DType> readAs() {
        return Optional.ofNullable(readAs);
    }

    /** Its sizes, a copy. */
    public long[] shape() {
        return shape.clone();
    }

    /** Number of elements. */
    public long elements() {
        long elements = 1;
        for (long size : shape) {
            elements *= size;
        }
        return elements;
    }

    // 0 where it is not read.
    private long bytes() {
        return readAs == null ? 0 : elements() * readAs.bytes();
    }

    /** Refuses files whose tensors would take far more memory than the file is large. */
    static void checkGrowth(Path path, Iterable<StoredTensor> tensors, long fileSize) throws TensorFileException {
        long left = WeightsSource.LARGEST_GROWTH * fileSize;
        for (StoredTensor tensor : tensors) {
            left -= tensor.bytes();
            if (left < 0) {
                throw new TensorFileException(
                        path,
                        "with tensor \"" + tensor.name() + "\" its tensors take more than "
                                + WeightsSource.LARGEST_GROWTH + " times the file's " + fileSize
                                + " bytes in memory; save it again with every tensor dense and not compressed");
            }
        }
    }
}
