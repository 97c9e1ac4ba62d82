package dev.hornbeam.training.run;

import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.training.data.Batch;
import dev.hornbeam.training.method.Samples;
import java.util.Arrays;
import java.util.Optional;

/** A replica's part of a batch on its device, in memory that is used again for the next one. */
final class BatchShare implements AutoCloseable {
    private final Device device;
    private Tensor images;
    private Tensor labels;
    private Tensor softLabels;
    private long[] classes = {};
    private int size;

    BatchShare(Device device) {
        this.device = device;
    }

    /** Takes the images {@code first} to {@code end - 1} of a batch, whose last ones may be fewer than before. */
    void write(Batch batch, int first, int end) {
        size = end - first;
        int pixels = batch.height() * batch.width() * batch.channels();
        // The arrays have room for a full batch.
        int shares = batch.softLabels().length / (batch.images().length / pixels);
        if (size > classes.length) {
            close();
            classes = new long[size];
            images = Tensor.empty(DType.F32, device, size, batch.height(), batch.width(), batch.channels())
                    .keep();
            labels = Tensor.empty(DType.I64, device, size).keep();
            softLabels = shares == 0
                    ? null
                    : Tensor.empty(DType.F32, device, size, shares).keep();
        }
        for (int i = 0; i < size; i++) {
            classes[i] = batch.labels()[first + i];
        }
        images.write(0, batch.images(), first * pixels, size * pixels);
        labels.write(0, classes, 0, size);
        if (softLabels != null) {
            softLabels.write(0, batch.softLabels(), first * shares, size * shares);
        }
    }

    /** The images written last. */
    Tensor images() {
        return filled(images);
    }

    /** What is known of them. */
    Samples samples(Batch batch, int first, int epoch, long step) {
        int[] positions = Arrays.copyOfRange(batch.positions(), first, first + size);
        return new Samples(filled(labels), Optional.ofNullable(softLabels).map(this::filled), positions, epoch, step);
    }

    private Tensor filled(Tensor all) {
        return all.size(0) == size ? all : all.slice(0, 0, size);
    }

    @Override
    public void close() {
        for (Tensor tensor : new Tensor[] {images, labels, softLabels}) {
            if (tensor != null) {
                tensor.close();
            }
        }
        images = null;
        labels = null;
        softLabels = null;
        classes = new long[0];
    }
}
