package dev.hornbeam.training.run;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.hornbeam.profile.OpRecord;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.UserFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Writes a profile as a timeline that chrome://tracing and Perfetto (ui.perfetto.dev) show: steps, in them phases, in them
 * the engine's calls, in them their kernels.
 *
 * <p>Source of the format: Google, "Trace Event Format": complete events ({@code "ph": "X"}), times in microseconds.
 */
public final class ChromeTrace {
    private static final int PROCESS = 1;

    /** A bar of the timeline. */
    private record Bar(String name, String category, int thread, long start, long nanos, OpRecord op) {}

    private ChromeTrace() {}

    /**
     * Creates or replaces {@code target}.
     *
     * @param title what was trained, shown as the name of the process
     * @param facts about run and machine, kept in the file's {@code otherData}
     * @throws UserError if it cannot be written
     */
    public static void write(Path target, TrainingProfile profile, String title, Map<String, String> facts) {
        UserFile.write(target, json(profile, title, facts));
    }

    private static byte[] json(TrainingProfile profile, String title, Map<String, String> facts) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator out = new JsonFactory().createGenerator(bytes)) {
            out.writeStartObject();
            out.writeStringField("displayTimeUnit", "ms");
            out.writeObjectFieldStart("otherData");
            for (Map.Entry<String, String> fact : facts.entrySet()) {
                out.writeStringField(fact.getKey(), fact.getValue());
            }
            out.writeEndObject();
            out.writeArrayFieldStart("traceEvents");
            name(out, "process_name", 0, title);
            List<Bar> bars = bars(profile);
            int training = profile.steps().getFirst().thread();
            for (int thread : new TreeSet<>(bars.stream().map(Bar::thread).toList())) {
                name(out, "thread_name", thread, thread == training ? "training" : "thread " + thread);
            }
            long origin = profile.steps().getFirst().startNanos();
            for (Bar bar : bars) {
                out.writeRaw('\n');
                event(out, bar, origin);
            }
            out.writeEndArray();
            out.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /** All bars; of two that begin at once, the outer one is first. */
    private static List<Bar> bars(TrainingProfile profile) {
        List<Bar> bars = new ArrayList<>();
        for (TrainingProfile.Step step : profile.steps()) {
            bars.add(new Bar("step " + step.number(), "step", step.thread(), step.startNanos(), step.nanos(), null));
            for (TrainingProfile.Span span : step.phases()) {
                bars.add(new Bar(
                        span.phase().toString(), "phase", step.thread(), span.startNanos(), span.nanos(), null));
            }
            for (OpRecord op : step.ops()) {
                bars.add(new Bar(op.op().name(), op.op().family(), op.thread(), op.startNanos(), op.nanos(), op));
            }
        }
        bars.sort(Comparator.comparingLong(Bar::start)
                .thenComparing(Comparator.comparingLong(Bar::nanos).reversed()));
        return bars;
    }

    private static void name(JsonGenerator out, String what, int thread, String name) throws IOException {
        out.writeStartObject();
        out.writeStringField("ph", "M");
        out.writeStringField("name", what);
        out.writeNumberField("pid", PROCESS);
        out.writeNumberField("tid", thread);
        out.writeObjectFieldStart("args");
        out.writeStringField("name", name);
        out.writeEndObject();
        out.writeEndObject();
    }

    private static void event(JsonGenerator out, Bar bar, long origin) throws IOException {
        out.writeStartObject();
        out.writeStringField("ph", "X");
        out.writeStringField("name", bar.name());
        out.writeStringField("cat", bar.category());
        out.writeNumberField("pid", PROCESS);
        out.writeNumberField("tid", bar.thread());
        out.writeNumberField("ts", micros(bar.start() - origin));
        out.writeNumberField("dur", micros(bar.nanos()));
        if (bar.op() != null) {
            arguments(out, bar.op());
        }
        out.writeEndObject();
    }

    private static void arguments(JsonGenerator out, OpRecord op) throws IOException {
        out.writeObjectFieldStart("args");
        out.writeStringField("shape", op.shapeText());
        if (op.dtype().isPresent()) {
            out.writeStringField("dtype", op.dtype().get().toString());
        }
        if (!op.algorithm().isEmpty()) {
            out.writeStringField("algorithm", op.algorithm());
        }
        if (op.estimate() > 0) {
            out.writeNumberField("estimate", op.estimate());
        }
        out.writeNumberField("bytes_read", op.bytesRead());
        out.writeNumberField("bytes_written", op.bytesWritten());
        if (op.operations() > 0) {
            out.writeNumberField("flops", op.operations());
        }
        out.writeEndObject();
    }

    // Exact, so that a bar never ends after the one around it.
    private static BigDecimal micros(long nanos) {
        return BigDecimal.valueOf(nanos, 3);
    }
}
