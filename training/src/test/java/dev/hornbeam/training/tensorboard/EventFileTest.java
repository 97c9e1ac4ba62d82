package dev.hornbeam.training.tensorboard;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tensorflow.proto.Event;
import org.tensorflow.proto.HistogramProto;
import org.tensorflow.proto.SessionLog;
import org.tensorflow.proto.Summary;

/** What is written, read with the official definitions. */
final class EventFileTest {
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-01-02T03:04:05.500Z"), ZoneOffset.UTC);

    @TempDir
    private Path folder;

    @Test
    void everyKindOfEvent() throws IOException {
        BufferedImage image = new BufferedImage(3, 2, BufferedImage.TYPE_INT_RGB);
        image.setRGB(2, 1, 0x102030);
        Path path;
        try (EventFile file = EventFile.create(folder.resolve("board"), CLOCK)) {
            path = file.path();
            file.restart(7);
            file.scalar("loss", 10, 0.25);
            file.image("picture", 11, image);
            file.histogram("weights", 1L << 40, Histogram.of(new float[] {-1, 0, 0, 2.5f, Float.NaN}));
        }
        List<Event> events = EventRecords.read(path);
        assertEquals(5, events.size());
        for (Event event : events) {
            assertEquals(CLOCK.millis() / 1e3, event.getWallTime());
        }
        assertEquals("brain.Event:2", events.getFirst().getFileVersion());
        assertEquals(
                SessionLog.SessionStatus.START, events.get(1).getSessionLog().getStatus());
        assertEquals(7, events.get(1).getStep());

        Summary.Value loss = only(events.get(2));
        assertEquals("loss", loss.getTag());
        assertEquals(.25f, loss.getSimpleValue());
        assertEquals(10, events.get(2).getStep());

        Summary.Image picture = only(events.get(3)).getImage();
        assertEquals(3, picture.getWidth());
        assertEquals(2, picture.getHeight());
        assertEquals(3, picture.getColorspace());
        BufferedImage decoded = ImageIO.read(
                new ByteArrayInputStream(picture.getEncodedImageString().toByteArray()));
        assertEquals(0xff102030, decoded.getRGB(2, 1));

        HistogramProto histogram = only(events.get(4)).getHisto();
        assertEquals(1L << 40, events.get(4).getStep());
        assertEquals(-1, histogram.getMin());
        assertEquals(2.5, histogram.getMax());
        assertEquals(4, histogram.getNum());
        assertEquals(1.5, histogram.getSum());
        assertEquals(7.25, histogram.getSumSquares());
        assertEquals(histogram.getBucketLimitCount(), histogram.getBucketCount());
        assertEquals(
                4,
                histogram.getBucketList().stream()
                        .mapToDouble(Double::doubleValue)
                        .sum());
    }

    private static Summary.Value only(Event event) {
        assertEquals(1, event.getSummary().getValueCount());
        return event.getSummary().getValue(0);
    }

    @Test
    void sessionsOfOneSecondDoNotOverwriteEachOther() throws IOException {
        Path first;
        try (EventFile file = EventFile.create(folder, CLOCK)) {
            first = file.path();
            file.scalar("a", 1, 1);
        }
        byte[] before = Files.readAllBytes(first);
        try (EventFile file = EventFile.create(folder, CLOCK)) {
            assertNotEquals(first, file.path());
            assertTrue(file.path().toString().compareTo(first.toString()) > 0, "later files come later by name");
        }
        assertArrayEquals(before, Files.readAllBytes(first));
    }

    @Test
    void aFolderThatCannotBeWritten() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "in the way");
        UserError error = assertThrows(UserError.class, () -> EventFile.create(file, CLOCK));
        assertTrue(error.getMessage().contains(file.toString()), error.getMessage());
    }

    @Test
    void bucketsHoldWhatLiesBelowTheirLimit() {
        Histogram histogram = Histogram.of(new float[] {0, 1e-12f, .5f, .5f, 3e38f, -.5f, Float.POSITIVE_INFINITY});
        assertEquals(6, histogram.count());
        double previous = Double.NEGATIVE_INFINITY;
        double[] values = {-.5f, 0, 1e-12f, .5f, .5f, 3e38f};
        for (int b = 0; b < histogram.limits().size(); b++) {
            double low = previous;
            double high = histogram.limits().get(b);
            assertTrue(high > low);
            long inside = java.util.Arrays.stream(values)
                    .filter(x -> x > low && x <= high)
                    .count();
            assertEquals((double) inside, histogram.counts().get(b), "up to " + high);
            previous = high;
        }
        assertTrue(histogram.limits().size() < 15, "empty neighbours are one: " + histogram.limits());
    }

    @Test
    void aHistogramOfNothing() {
        Histogram histogram = Histogram.of(new float[] {Float.NaN});
        assertEquals(0, histogram.count());
        assertEquals(List.of(0.0), histogram.counts());
        assertEquals(0, histogram.min());
    }
}
