package dev.hornbeam.training.data;

import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import us.hebi.matlab.mat.format.BufferAllocator;
import us.hebi.matlab.mat.format.Mat5;
import us.hebi.matlab.mat.format.Mat5File;
import us.hebi.matlab.mat.types.Array;
import us.hebi.matlab.mat.types.Cell;
import us.hebi.matlab.mat.types.Char;
import us.hebi.matlab.mat.types.MatFile.Entry;
import us.hebi.matlab.mat.types.MatlabType;
import us.hebi.matlab.mat.types.Matrix;
import us.hebi.matlab.mat.types.Source;
import us.hebi.matlab.mat.types.Sources;
import us.hebi.matlab.mat.types.Struct;

/**
 * A MATLAB file of version 5 to 7, plain or compressed: matrices of numbers, cells of texts, arrays of structures.
 *
 * <p>Elements come in MATLAB's order, the first index running fastest. Files of version 7.3, which are HDF5, are refused.
 */
final class MatFile {
    // Deflate shrinks by at most 1032 to 1: whoever asks for more memory than that of the file's size is misled by
    // damage.
    private static final long LARGEST_RATIO = 1032;
    // What the elements of a file may take beside what they hold: objects and references.
    private static final long LEAST_MEMORY = 1 << 20;

    private final Path path;
    private final long largest;
    private final Mat5File content;

    private MatFile(Path path, long largest, Mat5File content) {
        this.path = path;
        this.largest = largest;
        this.content = content;
    }

    /**
     * Reads the file.
     *
     * @throws UserError naming the file if it is missing, damaged or of another format
     */
    static MatFile read(Path path) {
        byte[] bytes;
        try {
            long size = Files.size(path);
            if (size > Integer.MAX_VALUE - 16) {
                throw new UserError(path + ": has " + size + " bytes; MATLAB files of up to 2 GiB are read");
            }
            bytes = Files.readAllBytes(path);
        } catch (NoSuchFileException e) {
            throw new UserError(path + ": no such file", e);
        } catch (IOException e) {
            throw UserError.cannotRead(path, e);
        }
        if (bytes.length > 8 && bytes[0] == (byte) 0x89 && bytes[1] == 'H' && bytes[2] == 'D' && bytes[3] == 'F') {
            throw hdf5(path);
        }
        if (bytes.length < 128) {
            throw new UserError(path + ": not a MATLAB file: it has " + bytes.length
                    + " bytes, and its header alone would have 128");
        }
        if (new String(bytes, 0, 10, java.nio.charset.StandardCharsets.ISO_8859_1).equals("MATLAB 7.3")) {
            throw hdf5(path);
        }
        long largest = LEAST_MEMORY + LARGEST_RATIO * bytes.length;
        return new MatFile(path, largest, guarded(path, () -> {
            try (Source source = Sources.wrap(bytes)) {
                MatElements.check(bytes);
                return Mat5.newReader(source)
                        .disableSubsystemProcessing()
                        .setBufferAllocator(new LimitedMemory(largest))
                        .readMat();
            } catch (IOException e) {
                throw new UserError(path + ": damaged, or no MATLAB file of version 5" + reason(e), e);
            }
        }));
    }

    private static UserError hdf5(Path path) {
        return new UserError(path + ": a MATLAB file of version 7.3, which is not read; save it with -v7");
    }

    private static String reason(Exception e) {
        String message = e.getMessage();
        return message == null || message.isBlank()
                ? ""
                : ": " + message.lines().findFirst().orElse("").strip().replaceAll("\\p{Cc}", "?");
    }

    // Damaged data sends the library into exceptions of many kinds; each of them is the file's fault.
    private static <T> T guarded(Path path, Supplier<T> reading) {
        try {
            return reading.get();
        } catch (UserError e) {
            throw e;
        } catch (RuntimeException | StackOverflowError e) {
            throw new UserError(path + ": damaged, or no MATLAB file of version 5", e);
        } catch (OutOfMemoryError e) {
            throw new UserError(
                    path + ": does not fit into the Java heap of "
                            + (Runtime.getRuntime().maxMemory() >> 20)
                            + " MiB, or is damaged; give it more with HORNBEAM_JAVA_OPTS=-Xmx8g",
                    e);
        }
    }

    /** Memory for elements, up to what a file of that size can hold. */
    private static final class LimitedMemory implements BufferAllocator {
        private long left;

        LimitedMemory(long largest) {
            left = largest;
        }

        @Override
        public ByteBuffer allocate(int size) {
            if (size < 0 || size > left) {
                throw new IllegalArgumentException(size + " bytes are more than the file can hold");
            }
            left -= size;
            return ByteBuffer.allocate(size);
        }

        @Override
        public void release(ByteBuffer buffer) {
            left += buffer.capacity();
        }
    }

    Path path() {
        return path;
    }

    private <T extends Array> T variable(String name, Class<T> kind, String expected) {
        List<String> names = new ArrayList<>();
        for (Entry entry : content.getEntries()) {
            if (entry.getName().equals(name)) {
                if (!kind.isInstance(entry.getValue())) {
                    throw new UserError(path + ": variable " + name + " is "
                            + entry.getValue().getType() + "; expected " + expected);
                }
                checkCount(entry.getValue(), name);
                return kind.cast(entry.getValue());
            }
            if (names.size() < 10) {
                names.add(printable(entry.getName()));
            }
        }
        throw new UserError(path + ": has no variable " + name + "; it has: "
                + (names.isEmpty() ? "none" : String.join(", ", names)));
    }

    private static String printable(String text) {
        return (text.length() <= 40 ? text : text.substring(0, 40) + "...").replaceAll("\\p{Cc}", "?");
    }

    private void checkCount(Array array, String name) {
        long elements = 1;
        for (int size : array.getDimensions()) {
            elements = size < 0 || elements > largest ? Long.MAX_VALUE : elements * size;
        }
        if (elements > Math.min(largest, Integer.MAX_VALUE - 16)) {
            throw new UserError(path + ": variable " + name + " claims the size "
                    + Arrays.toString(array.getDimensions()) + ", more than the file can hold. It is damaged.");
        }
    }

    /** Returns the sizes of a matrix. */
    int[] shape(String name) {
        return guarded(
                path,
                () -> variable(name, Matrix.class, "a matrix").getDimensions().clone());
    }

    /**
     * Returns the elements of a matrix of uint8.
     *
     * @throws UserError if there is no such matrix, or it has another type
     */
    byte[] bytes(String name) {
        return guarded(path, () -> {
            Matrix matrix = variable(name, Matrix.class, "a matrix of uint8");
            if (matrix.getType() != MatlabType.UInt8 || matrix.isComplex()) {
                throw new UserError(
                        path + ": variable " + name + " has elements of type " + matrix.getType() + "; expected uint8");
            }
            byte[] bytes = new byte[matrix.getNumElements()];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = matrix.getByte(i);
            }
            return bytes;
        });
    }

    /**
     * Returns the elements of a matrix of whole numbers, of whatever type.
     *
     * @throws UserError if there is no such matrix, or an element is no whole number of 32 bits
     */
    int[] integers(String name) {
        return guarded(path, () -> integers(variable(name, Matrix.class, "a matrix of numbers"), name));
    }

    private int[] integers(Matrix matrix, String name) {
        int[] numbers = new int[matrix.getNumElements()];
        for (int i = 0; i < numbers.length; i++) {
            double value = matrix.getDouble(i);
            numbers[i] = (int) value;
            if (numbers[i] != value) {
                throw new UserError(
                        path + ": element " + i + " of " + name + " is " + value + "; expected whole numbers");
            }
        }
        return numbers;
    }

    /**
     * Returns the texts of a cell array.
     *
     * @throws UserError if there is no such cell array, or an element is no text
     */
    List<String> texts(String name) {
        return guarded(path, () -> {
            Cell cell = variable(name, Cell.class, "a cell array of texts");
            List<String> texts = new ArrayList<>();
            for (int i = 0; i < cell.getNumElements(); i++) {
                Array element = cell.get(i);
                texts.add(text(element, "element " + i + " of " + name));
            }
            return texts;
        });
    }

    private String text(Array value, String what) {
        if (!(value instanceof Char text)) {
            throw new UserError(path + ": " + what + " is not a text");
        }
        checkCount(value, what);
        return text.getString();
    }

    /**
     * Returns the texts in a field of an array of structures.
     *
     * @throws UserError if there is no such array or field, or an element is no text
     */
    List<String> texts(String name, String field) {
        return guarded(path, () -> {
            Struct struct = struct(name, field);
            List<String> texts = new ArrayList<>();
            for (int i = 0; i < struct.getNumElements(); i++) {
                Array element = struct.get(field, i);
                texts.add(text(element, name + "(" + (i + 1) + ")." + field));
            }
            return texts;
        });
    }

    /**
     * Returns the whole numbers in a field of an array of structures, one in each.
     *
     * @throws UserError if there is no such array or field, or an element is not a whole number
     */
    int[] integers(String name, String field) {
        return guarded(path, () -> {
            Struct struct = struct(name, field);
            int[] numbers = new int[struct.getNumElements()];
            for (int i = 0; i < numbers.length; i++) {
                Array element = struct.get(field, i);
                if (!(element instanceof Matrix matrix) || matrix.getNumElements() != 1) {
                    throw new UserError(path + ": " + name + "(" + (i + 1) + ")." + field + " is not one number");
                }
                numbers[i] = integers(matrix, name + "(" + (i + 1) + ")." + field)[0];
            }
            return numbers;
        });
    }

    private Struct struct(String name, String field) {
        Struct struct = variable(name, Struct.class, "an array of structures");
        if (!struct.getFieldNames().contains(field)) {
            throw new UserError(path + ": variable " + name + " has no field " + field);
        }
        return struct;
    }
}
