package dev.hornbeam.training.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
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
    private static NpyHeader read(byte[] bytes) {
        try {
            return NpyHeader.read(new ByteArrayInputStream(bytes), "x");
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] withText(String text) {
        byte[] ascii = text.getBytes(StandardCharsets.US_ASCII);
        byte[] start = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) ascii.length, (byte) (ascii.length >> 8)};
        return TestImages.npy(start, ascii);
    }

    /** The bytes are what {@code numpy.save} of {@code numpy.zeros((2, 3), '>i2')} begins with. */
    @Test
    void readsWhatNumPyWrites() {
        NpyHeader header =
                read(withText("{'descr': '>i2', 'fortran_order': False, 'shape': (2, 3), }" + " ".repeat(58) + "\n"));
        assertEquals(new NpyHeader('i', 2, true, false, List.of(2L, 3L), 128), header);
        assertEquals("int16", header.typeName());
        assertEquals("(2, 3)", header.shapeText());
        assertEquals(6, header.elements());
        assertEquals(12, header.dataBytes());
    }

    @Test
    void writesWhatNumPyWrites() {
        byte[] header = NpyHeader.encode('u', 1, 60000, 28, 28);
        assertEquals(128, header.length);
        assertEquals(
                "{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 28, 28), }",
                new String(header, 10, 118, StandardCharsets.US_ASCII).strip());
        assertEquals('\n', header[127]);
        String vector = new String(NpyHeader.encode('f', 4, 7), StandardCharsets.ISO_8859_1);
        assertTrue(vector.contains("'descr': '<f4', 'fortran_order': False, 'shape': (7,), }"), vector);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void readsTheVersionsWithALongLength(int version) {
        byte[] text = "{\"descr\":\"<f8\",\"fortran_order\":True,\"shape\":()}".getBytes(StandardCharsets.US_ASCII);
        byte[] start = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', (byte) version, 0, (byte) text.length, 0, 0, 0};
        NpyHeader header = read(TestImages.npy(start, text));
        assertEquals(List.of(), header.shape());
        assertEquals(1, header.elements());
        assertTrue(header.fortranOrder());
        assertFalse(header.isInteger());
    }

    @Property(tries = 200)
    void readsWhatItWrites(@ForAll @Size(max = 6) List<@LongRange(max = 1000) Long> shape) {
        long[] sizes = shape.stream().mapToLong(Long::longValue).toArray();
        byte[] bytes = NpyHeader.encode('i', 8, sizes);
        assertEquals(0, bytes.length % 64);
        assertEquals(new NpyHeader('i', 8, false, false, shape, bytes.length), read(bytes));
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
        UserError error = assertThrows(UserError.class, () -> read(withText(text)));
        assertTrue(error.getMessage().startsWith("x: "), error.getMessage());
        assertTrue(error.getMessage().contains(reason), error.getMessage());
    }

    @Test
    void refusesWhatIsNotNpy() {
        byte[] good = NpyHeader.encode('u', 1, 3);
        assertThrows(UserError.class, () -> read(new byte[3]));
        byte[] wrongMagic = good.clone();
        wrongMagic[2] = 'n';
        assertThrows(UserError.class, () -> read(wrongMagic));
        byte[] wrongVersion = good.clone();
        wrongVersion[6] = 4;
        assertThrows(UserError.class, () -> read(wrongVersion));
        byte[] tooLong = good.clone();
        tooLong[9] = 0x7f;
        assertThrows(UserError.class, () -> read(tooLong));
    }
}
