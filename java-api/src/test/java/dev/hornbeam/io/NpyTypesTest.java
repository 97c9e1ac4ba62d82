package dev.hornbeam.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.hornbeam.tensor.DType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Arrays of every type of numpy, read into the types of the engine. */
final class NpyTypesTest {
    @TempDir
    private Path folder;

    private HostArray read(String descr, String order, String shape, byte[] data) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.write(NpyHeaderTest.withText(
                1, "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + "}"));
        bytes.write(data);
        return Npy.read(Files.write(folder.resolve("array.npy"), bytes.toByteArray()));
    }

    private static byte[] encoded(String descr, long... values) {
        int size = descr.charAt(2) - '0';
        ByteBuffer data = ByteBuffer.allocate(size * values.length);
        for (long value : values) {
            for (int k = 0; k < size; k++) {
                int shift = 8 * (descr.charAt(0) == '>' ? size - 1 - k : k);
                data.put((byte) (value >> shift));
            }
        }
        return data.array();
    }

    /** The extremes of each type, which show sign and order of bytes. */
    @ParameterizedTest
    @CsvSource({
        "|i1,I32,-128,127",
        "<i2,I32,-32768,32767",
        ">i2,I32,-32768,32767",
        "<i4,I32,-2147483648,2147483647",
        ">i4,I32,-2147483648,2147483647",
        "<i8,I64,-9223372036854775808,9223372036854775807",
        ">i8,I64,-9223372036854775808,9223372036854775807",
        "|u1,U8,128,255",
        "<u2,I32,258,65535",
        ">u2,I32,258,65535",
        "<u4,I64,258,4294967295",
        ">u4,I64,258,4294967295",
        "<u8,I64,258,9223372036854775807",
        ">u8,I64,258,9223372036854775807",
        "|b1,U8,0,1"
    })
    void readsEveryIntegerType(String descr, DType expected, long low, long high) throws IOException {
        HostArray array = read(descr, "False", "(3,)", encoded(descr, low, high, 7));
        assertEquals(expected, array.dtype());
        assertArrayEquals(new long[] {3}, array.shape());
        assertArrayEquals(new long[] {low, high, 7}, array.toLongs());
    }

    @Test
    void readsEveryFloatingType() throws IOException {
        float[] expected = {-1.5f, 65504, 0.25f};
        assertArrayEquals(
                expected,
                read("<f2", "False", "(3,)", encoded("<f2", 0xbe00, 0x7bff, 0x3400))
                        .toFloats());
        assertArrayEquals(
                expected,
                read(">f2", "False", "(3,)", encoded(">f2", 0xbe00, 0x7bff, 0x3400))
                        .toFloats());
        for (ByteOrder order : new ByteOrder[] {ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN}) {
            char sign = order == ByteOrder.LITTLE_ENDIAN ? '<' : '>';
            ByteBuffer singles = ByteBuffer.allocate(12).order(order);
            singles.asFloatBuffer().put(expected);
            HostArray f4 = read(sign + "f4", "False", "(3,)", singles.array());
            assertEquals(DType.F32, f4.dtype());
            assertArrayEquals(expected, f4.toFloats());
            ByteBuffer doubles = ByteBuffer.allocate(24).order(order);
            doubles.asDoubleBuffer().put(new double[] {-1.5, 65504, 0.25});
            HostArray f8 = read(sign + "f8", "False", "(3,)", doubles.array());
            assertEquals(DType.F64, f8.dtype());
            assertArrayEquals(expected, f8.toFloats());
        }
    }

    @Test
    void anIntegerWithoutRoomIsRefused() {
        TensorFileException error = assertThrows(
                TensorFileException.class, () -> read("<u8", "False", "(2,)", encoded("<u8", 1, Long.MIN_VALUE)));
        assertEquals(
                folder.resolve("array.npy")
                        + ": element 1 is 9223372036854775808, more than the largest 64-bit integer with a sign",
                error.getMessage());
    }

    @Test
    void orderMattersOnlyWhereThereIsMoreThanOneDimension() throws IOException {
        assertArrayEquals(
                new byte[] {4, 5},
                read("|u1", "True", "(2,)", new byte[] {4, 5}).toBytes());
        TensorFileException error =
                assertThrows(TensorFileException.class, () -> read("|u1", "True", "(1, 2)", new byte[] {4, 5}));
        assertEquals(
                folder.resolve("array.npy") + ": the array is in Fortran order, which is not read; save it with"
                        + " numpy.ascontiguousarray(array)",
                error.getMessage());
    }

    @Test
    void anArrayMayBeEmptyOrASingleNumber() throws IOException {
        HostArray empty = read("<f4", "False", "(0, 3)", new byte[0]);
        assertEquals(0, empty.elements());
        assertArrayEquals(new long[] {0, 3}, empty.shape());
        HostArray number = read("<i2", "False", "()", new byte[] {2, 1});
        assertEquals(0, number.rank());
        assertArrayEquals(new long[] {258}, number.toLongs());
    }

    @Test
    void missingAndSuperfluousBytesAreNoticed() {
        TensorFileException shorter =
                assertThrows(TensorFileException.class, () -> read("<f4", "False", "(16000, 16000)", new byte[8]));
        assertEquals(
                folder.resolve("array.npy") + ": shape (16000, 16000) of float32 takes 1024000000 bytes, but 8 follow"
                        + " the header: it is cut off",
                shorter.getMessage());
        TensorFileException longer =
                assertThrows(TensorFileException.class, () -> read("|u1", "False", "(2,)", new byte[3]));
        assertEquals(
                folder.resolve("array.npy")
                        + ": shape (2,) of uint8 takes 2 bytes, but 3 follow the header: it is too long",
                longer.getMessage());
    }

    @Test
    void bytesAreReadAsFloatsInParts() throws IOException {
        HostArray bytes = read("|u1", "False", "(5,)", new byte[] {0, 1, (byte) 200, (byte) 255, 9});
        float[] part = {-1, -1, -1, -1};
        bytes.read(2, part, 1, 2);
        assertArrayEquals(new float[] {-1, 200, 255, -1}, part);
    }
}
