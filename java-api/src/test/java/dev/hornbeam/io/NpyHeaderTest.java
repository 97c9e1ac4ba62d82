package dev.hornbeam.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.DType;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class NpyHeaderTest {
    private static NpyHeader read(byte[] bytes) throws IOException {
        return NpyHeader.read(Path.of("x.npy"), "", new ByteArrayInputStream(bytes));
    }

    /** A file of this version with this text as its header, and nothing after it. */
    static byte[] withText(int version, String text) {
        String length = (char) (text.length() & 0xff) + "" + (char) (text.length() >> 8);
        String start = "\u0093NUMPY" + (char) version + '\0' + length + (version == 1 ? "" : "\0\0");
        return (start + text).getBytes(StandardCharsets.ISO_8859_1);
    }

    /** The text is what {@code numpy.save} of {@code numpy.zeros((2, 3), '>i2')} writes. */
    @Test
    void readsWhatNumpyWrites() throws IOException {
        NpyHeader header = read(
                withText(1, "{'descr': '>i2', 'fortran_order': False, 'shape': (2, 3), }" + " ".repeat(58) + "\n"));
        assertEquals(new NpyHeader('i', 2, true, false, List.of(2L, 3L), 128), header);
        assertEquals("int16", header.typeName());
        assertEquals("(2, 3)", header.shapeText());
        assertEquals(6, header.elements());
        assertEquals(12, header.bytes());
        assertEquals(DType.I32, header.dtype());
    }

    @Test
    void writesWhatNumpyWrites() {
        byte[] header = Npy.header(HostArray.wrap(new byte[24], 2, 3, 4));
        assertEquals(128, header.length);
        assertEquals(
                "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3, 4), }",
                new String(header, 10, 118, StandardCharsets.US_ASCII).strip());
        assertEquals('\n', header[127]);
        String vector = new String(Npy.header(HostArray.of(new float[7])), StandardCharsets.ISO_8859_1);
        assertTrue(vector.contains("{'descr': '<f4', 'fortran_order': False, 'shape': (7,), }"), vector);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void readsTheVersionsWithALongLength(int version) throws IOException {
        NpyHeader header = read(withText(version, "{\"descr\":\"<f8\",\"fortran_order\":True,\"shape\":()}"));
        assertEquals(List.of(), header.shape());
        assertEquals(1, header.elements());
        assertTrue(header.fortranOrder());
        assertFalse(header.isInteger());
    }

    @Property(tries = 200)
    void readsWhatItWrites(@ForAll @Size(max = 6) List<@LongRange(max = 30) Long> shape) throws IOException {
        long[] sizes = shape.stream().mapToLong(Long::longValue).toArray();
        byte[] bytes = Npy.header(HostArray.empty(DType.U8, sizes));
        assertEquals(0, bytes.length % 64);
        assertEquals(new NpyHeader('u', 1, false, false, shape, bytes.length), read(bytes));
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', quoteCharacter = '"', textBlock = """
            {'descr': '<i4', 'fortran_order': False}                                  ; expected the keys descr, fortran_order and shape
            {'descr': '<i4', 'fortran_order': False, 'shape': (3)}                    ; expected ,
            {'descr': '<i4', 'fortran_order': False, 'shape': (3,), 'shape': (4,)}    ; key 'shape' stands twice
            {'descr': '<i4', 'fortran_order': False, 'shape': (3,), 'extra': 1}       ; unknown key 'extra'
            {'descr': '<i4', 'fortran_order': 0, 'shape': (3,)}                       ; expected True or False
            {'descr': '<i4', 'fortran_order': False, 'shape': (-3,)}                  ; expected the size of a dimension
            {'descr': '<i4', 'fortran_order': False, 'shape': (3,)} x                 ; expected nothing after }
            {'descr': '<i4', 'fortran_order': False, 'shape': (3,)                    ; expected , or }
            {'descr': '<i4', 'fortran_order': False, 'shape': (999999999999, 999999999999)} ; larger than any file
            {'descr': '<O8', 'fortran_order': False, 'shape': (3,)}                   ; elements of type '<O8'
            {'descr': '|i4', 'fortran_order': False, 'shape': (3,)}                   ; elements of type '|i4'
            {'descr': '<U3', 'fortran_order': False, 'shape': (3,)}                   ; elements of type '<U3'
            {'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (3,)}          ; array of records
            """)
    void refusesOtherHeaders(String text, String reason) {
        TensorFileException error = assertThrows(TensorFileException.class, () -> read(withText(1, text)));
        assertTrue(error.getMessage().startsWith("x.npy: "), error.getMessage());
        assertTrue(error.getMessage().contains(reason), error.getMessage());
    }

    @Test
    void refusesWhatIsNotNpy() {
        byte[] good = Npy.header(HostArray.of(new long[3]));
        assertThrows(TensorFileException.class, () -> read(new byte[3]));
        assertThrows(TensorFileException.class, () -> read(Arrays.copyOf(good, 9)));
        assertThrows(TensorFileException.class, () -> read(Arrays.copyOf(good, 60)));
        for (int at : new int[] {2, 6, 7, 9}) {
            byte[] wrong = good.clone();
            wrong[at] = 0x7f;
            assertThrows(TensorFileException.class, () -> read(wrong), "byte " + at);
        }
    }

    @Test
    void messagesAreOneLineWhateverTheFileSays() {
        TensorFileException error = assertThrows(
                TensorFileException.class,
                () -> read(withText(1, "{'descr': '\n\r\u0085', 'fortran_order': False, 'shape': ()}")));
        assertTrue(error.getMessage().startsWith("x.npy: elements of type '???' are not read"), error.getMessage());
    }
}
