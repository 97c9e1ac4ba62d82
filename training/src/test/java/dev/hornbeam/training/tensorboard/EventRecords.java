package dev.hornbeam.training.tensorboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.tensorflow.proto.Event;

/** Reads event files, for tests, with a checksum of its own: CRC-32C bit by bit, as RFC 3720 has it. */
public final class EventRecords {
    private EventRecords() {}

    /** Reads all events of a file and checks every checksum. */
    @SuppressWarnings("exports") // The definitions are on the class path.
    public static List<Event> read(Path path) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
        List<Event> events = new ArrayList<>();
        while (bytes.hasRemaining()) {
            byte[] head = new byte[8];
            bytes.get(head);
            long length = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN).getLong();
            assertEquals(masked(head), bytes.getInt(), "checksum of the length");
            byte[] event = new byte[Math.toIntExact(length)];
            bytes.get(event);
            assertEquals(masked(event), bytes.getInt(), "checksum of the event");
            events.add(Event.parseFrom(event));
            assertFalse(events.getLast().getUnknownFields().asMap().size() > 0, "unknown fields");
        }
        return events;
    }

    private static int masked(byte[] bytes) {
        int crc = ~0;
        for (byte b : bytes) {
            crc ^= b & 0xff;
            for (int bit = 0; bit < 8; bit++) {
                crc = (crc & 1) == 0 ? crc >>> 1 : crc >>> 1 ^ 0x82F63B78;
            }
        }
        crc = ~crc;
        return (crc >>> 15 | crc << 17) + 0xa282ead8;
    }
}
