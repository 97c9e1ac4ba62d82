package dev.hornbeam.training.tensorboard;

import com.google.protobuf.CodedOutputStream;
import dev.hornbeam.training.UserError;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.zip.CRC32C;
import javax.imageio.ImageIO;

/**
 * Writes an event file, which TensorBoard shows while it grows.
 *
 * <p>The file is a row of TFRecords, each a protocol buffer {@code tensorflow.Event}: the length in 8 bytes, its checksum in 4,
 * the event, its checksum in 4, little-endian; checksums are CRC-32C, rotated right by 15 bits plus {@code 0xa282ead8}. Every
 * event is handed to the operating system at once, so that a killed run loses none.
 */
public final class EventFile implements AutoCloseable {
    private static final String FORMAT = "brain.Event:2";

    // Numbers of the fields, of event.proto and summary.proto.
    private static final int EVENT_WALL_TIME = 1;
    private static final int EVENT_STEP = 2;
    private static final int EVENT_FILE_VERSION = 3;
    private static final int EVENT_SUMMARY = 5;
    private static final int EVENT_SESSION_LOG = 7;
    private static final int SESSION_STATUS = 1;
    private static final int SESSION_START = 1;
    private static final int SUMMARY_VALUE = 1;
    private static final int VALUE_TAG = 1;
    private static final int VALUE_SIMPLE = 2;
    private static final int VALUE_IMAGE = 4;
    private static final int VALUE_HISTOGRAM = 5;
    private static final int IMAGE_HEIGHT = 1;
    private static final int IMAGE_WIDTH = 2;
    private static final int IMAGE_COLOURS = 3;
    private static final int IMAGE_PNG = 4;
    private static final int HISTOGRAM_MIN = 1;
    private static final int HISTOGRAM_MAX = 2;
    private static final int HISTOGRAM_COUNT = 3;
    private static final int HISTOGRAM_SUM = 4;
    private static final int HISTOGRAM_SQUARES = 5;
    private static final int HISTOGRAM_LIMITS = 6;
    private static final int HISTOGRAM_BUCKETS = 7;
    private static final int RGB = 3;

    private final Path path;
    private final OutputStream out;
    private final Clock clock;

    private EventFile(Path path, OutputStream out, Clock clock) {
        this.path = path;
        this.out = out;
        this.clock = clock;
    }

    /**
     * Begins a new file in {@code folder}, which is made where it is missing; files of earlier sessions stay.
     *
     * @throws UserError if it cannot be written
     */
    public static EventFile create(Path folder, Clock clock) {
        Path path = folder;
        try {
            Files.createDirectories(folder);
            // TensorBoard reads a folder's files in the order of their names.
            long seconds = clock.instant().getEpochSecond();
            for (int number = 0; ; number++) {
                path = folder.resolve(
                        String.format(Locale.ROOT, "events.out.tfevents.%010d.%03d.hornbeam", seconds, number));
                if (!Files.exists(path)) {
                    break;
                }
            }
            EventFile file = new EventFile(
                    path, Files.newOutputStream(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE), clock);
            file.write(0, event -> event.writeString(EVENT_FILE_VERSION, FORMAT));
            return file;
        } catch (IOException e) {
            throw UserError.cannotWrite(path, e);
        }
    }

    /** The file. */
    public Path path() {
        return path;
    }

    /** Says that a run goes on before {@code step}: what earlier files have of it and later steps is no longer shown. */
    public void restart(long step) {
        write(
                step,
                event -> event.writeByteArray(
                        EVENT_SESSION_LOG, message(log -> log.writeEnum(SESSION_STATUS, SESSION_START))));
    }

    /** Writes a number. */
    public void scalar(String tag, long step, double value) {
        summary(tag, step, entry -> entry.writeFloat(VALUE_SIMPLE, (float) value));
    }

    /** Writes an image, as PNG. */
    public void image(String tag, long step, BufferedImage image) {
        byte[] png;
        try (ByteArrayOutputStream bytes = new ByteArrayOutputStream()) {
            if (!ImageIO.write(image, "png", bytes)) {
                throw new IllegalArgumentException("no PNG of an image of type " + image.getType());
            }
            png = bytes.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        summary(
                tag,
                step,
                entry -> entry.writeByteArray(VALUE_IMAGE, message(proto -> {
                    proto.writeInt32(IMAGE_HEIGHT, image.getHeight());
                    proto.writeInt32(IMAGE_WIDTH, image.getWidth());
                    proto.writeInt32(IMAGE_COLOURS, RGB);
                    proto.writeByteArray(IMAGE_PNG, png);
                })));
    }

    /** Writes a histogram. */
    public void histogram(String tag, long step, Histogram histogram) {
        summary(
                tag,
                step,
                entry -> entry.writeByteArray(VALUE_HISTOGRAM, message(proto -> {
                    proto.writeDouble(HISTOGRAM_MIN, histogram.min());
                    proto.writeDouble(HISTOGRAM_MAX, histogram.max());
                    proto.writeDouble(HISTOGRAM_COUNT, (double) histogram.count());
                    proto.writeDouble(HISTOGRAM_SUM, histogram.sum());
                    proto.writeDouble(HISTOGRAM_SQUARES, histogram.sumOfSquares());
                    proto.writeByteArray(HISTOGRAM_LIMITS, packed(histogram.limits()));
                    proto.writeByteArray(HISTOGRAM_BUCKETS, packed(histogram.counts()));
                })));
    }

    private static byte[] packed(List<Double> values) throws IOException {
        return message(proto -> {
            for (double value : values) {
                proto.writeDoubleNoTag(value);
            }
        });
    }

    private void summary(String tag, long step, Content content) {
        write(
                step,
                event -> event.writeByteArray(
                        EVENT_SUMMARY,
                        message(summary -> summary.writeByteArray(SUMMARY_VALUE, message(value -> {
                            value.writeString(VALUE_TAG, tag);
                            content.writeTo(value);
                        })))));
    }

    /** Writes the fields of a message. */
    @FunctionalInterface
    private interface Content {
        void writeTo(CodedOutputStream fields) throws IOException;
    }

    private static byte[] message(Content content) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        CodedOutputStream fields = CodedOutputStream.newInstance(bytes);
        content.writeTo(fields);
        fields.flush();
        return bytes.toByteArray();
    }

    private void write(long step, Content content) {
        Instant now = clock.instant();
        try {
            byte[] event = message(fields -> {
                fields.writeDouble(EVENT_WALL_TIME, now.getEpochSecond() + now.getNano() / 1e9);
                fields.writeInt64(EVENT_STEP, step);
                content.writeTo(fields);
            });
            ByteBuffer record = ByteBuffer.allocate(16 + event.length).order(ByteOrder.LITTLE_ENDIAN);
            record.putLong(event.length);
            record.putInt(maskedChecksum(record.array(), 0, 8));
            record.put(event);
            record.putInt(maskedChecksum(event, 0, event.length));
            out.write(record.array());
        } catch (IOException e) {
            throw UserError.cannotWrite(path, e);
        }
    }

    private static int maskedChecksum(byte[] bytes, int from, int length) {
        CRC32C checksum = new CRC32C();
        checksum.update(bytes, from, length);
        return Integer.rotateRight((int) checksum.getValue(), 15) + 0xa282ead8;
    }

    @Override
    public void close() {
        try {
            out.close();
        } catch (IOException e) {
            throw UserError.cannotWrite(path, e);
        }
    }
}
