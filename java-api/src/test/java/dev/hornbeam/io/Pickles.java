package dev.hornbeam.io;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Writes pickles opcode by opcode, also those that no Python writes, and the files of PyTorch that hold them. */
final class Pickles {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    /** A pickle of that protocol, empty so far. */
    static Pickles protocol(int version) {
        return new Pickles().bytes(0x80, version);
    }

    Pickles bytes(int... values) {
        for (int value : values) {
            out.write(value);
        }
        return this;
    }

    /** Opcodes and lines as text. */
    Pickles text(String opcodes) {
        out.writeBytes(opcodes.getBytes(StandardCharsets.ISO_8859_1));
        return this;
    }

    Pickles string(String value) {
        byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
        return text("X").number(utf8.length, 4).raw(utf8);
    }

    Pickles raw(byte[] bytes) {
        out.writeBytes(bytes);
        return this;
    }

    /** Little endian. */
    Pickles number(long value, int size) {
        out.write(
                ByteBuffer.allocate(8)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(value)
                        .array(),
                0,
                size);
        return this;
    }

    Pickles global(String module, String name) {
        return text("c" + module + "\n" + name + "\n");
    }

    /** Protocol 4's: two texts and an opcode. */
    Pickles stackGlobal(String module, String name) {
        return string(module).string(name).bytes(0x93);
    }

    byte[] end() {
        return text(".").out.toByteArray();
    }

    /** The pickle as the only one of a PyTorch file, with one storage of four f32. */
    static byte[] zip(byte[] pickle) throws IOException {
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(file)) {
            stored(zip, "archive/data.pkl", pickle);
            stored(zip, "archive/data/0", new byte[16]);
            stored(zip, "archive/version", new byte[] {'3', '\n'});
        }
        return file.toByteArray();
    }

    private static void stored(ZipOutputStream zip, String name, byte[] content) throws IOException {
        CRC32 crc = new CRC32();
        crc.update(content);
        ZipEntry entry = new ZipEntry(name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(content.length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(content);
        zip.closeEntry();
    }

    /** The pickle as the object of a file of PyTorch before 1.6, without storages. */
    static byte[] legacy(byte[] pickle) {
        Pickles file = protocol(2).bytes(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19);
        file.text(".")
                .bytes(0x80, 2)
                .text("M")
                .number(1001, 2)
                .text(".")
                .bytes(0x80, 2)
                .text("}.");
        file.raw(pickle);
        return file.bytes(0x80, 2).text("]").end();
    }
}
