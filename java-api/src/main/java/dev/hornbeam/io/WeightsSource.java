package dev.hornbeam.io;

import dev.hornbeam.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;

/**
 * An open file of named tensors, whatever program wrote it.
 *
 * <p>{@link #open} tells the formats apart by their content; a file's name says nothing. Opening reads and checks what
 * describes the tensors. Their elements are read one tensor at a time, as they are asked for. No file makes a reader
 * allocate more than {@value #LARGEST_GROWTH} times its own size, whatever it says of itself.
 */
public sealed interface WeightsSource extends AutoCloseable permits Safetensors, TorchFile, Npz, FlaxFile {
    /** All tensors of a file take at most so many times its size once they are read. */
    int LARGEST_GROWTH = 4;

    /** Name of the format, for messages. */
    String format();

    /** The tensors by name, in the file's order. */
    Map<String, StoredTensor> tensors() throws IOException;

    /** What the file says besides its tensors, such as the epoch: short texts and numbers by name. */
    Map<String, String> metadata();

    /**
     * A copy of a tensor, on the CPU, in the innermost scope. F16 becomes f32, booleans u8, small integers i32, U32 i64.
     *
     * @throws IllegalArgumentException when there is none of that name
     * @throws TensorFileException when its type is not read, or it is damaged
     */
    Tensor readTensor(String name) throws IOException;

    @Override
    void close() throws IOException;

    /**
     * Opens a file: safetensors, PyTorch's .pth and .pt in the zip format and in the one before version 1.6, pickled
     * dictionaries of NumPy arrays, NumPy's .npz, Flax's MessagePack.
     *
     * @throws TensorFileException when it is none of these, a damaged one, or asks for more than to be read
     * @throws IOException when it cannot be read
     */
    static WeightsSource open(Path path) throws IOException {
        byte[] start = new byte[9];
        long size;
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            size = channel.size();
            ByteBuffer buffer = ByteBuffer.wrap(start);
            int read;
            do {
                read = channel.read(buffer);
            } while (read >= 0 && buffer.hasRemaining());
        }
        int first = start[0] & 0xff;
        int second = start[1] & 0xff;
        long length = ByteBuffer.wrap(start).order(ByteOrder.LITTLE_ENDIAN).getLong();
        // The order matters: a header of 640 bytes makes a safetensors file begin as a pickle does.
        if (start[8] == '{' && length >= 2 && length <= size - Long.BYTES && length <= Safetensors.LARGEST_HEADER) {
            return Safetensors.open(path);
        }
        if (first == 'P' && second == 'K' && start[2] == 3 && start[3] == 4) {
            return ZipDirectory.holdsPickle(path) ? TorchFile.open(path) : Npz.openWeights(path);
        }
        String text = new String(start, StandardCharsets.ISO_8859_1);
        // The second is PyTorch's number as protocol 0 writes it.
        if ((first == 0x80 && second >= 2 && second <= PickleMachine.HIGHEST_PROTOCOL) || text.startsWith("L1195470")) {
            return TorchFile.open(path);
        }
        boolean hdf = text.startsWith("\u0089HDF");
        if (!hdf && ((first > 0x80 && first <= 0x8f) || first == 0xde || first == 0xdf)) {
            return FlaxFile.open(path);
        }
        String advice = hdf
                ? ", but this is HDF5; save the weights with numpy.savez"
                : text.startsWith("storages")
                        ? ", but this looks like PyTorch's tar format of before 2017; save it again with a newer PyTorch"
                        : "";
        throw new TensorFileException(
                path,
                size == 0
                        ? "the file is empty"
                        : "not a file of weights: expected safetensors, PyTorch's .pth or .pt, NumPy's .npz or Flax's"
                                + " MessagePack" + advice);
    }
}
