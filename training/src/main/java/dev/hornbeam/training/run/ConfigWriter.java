package dev.hornbeam.training.run;

import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import dev.hornbeam.training.run.ConfigSchema.Field;
import dev.hornbeam.training.run.ConfigSchema.Kinds;
import dev.hornbeam.training.run.ConfigSchema.ListOf;
import dev.hornbeam.training.run.ConfigSchema.Nullable;
import dev.hornbeam.training.run.ConfigSchema.Section;
import dev.hornbeam.training.run.ConfigSchema.ValueType;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/** Writes a {@link RunConfig} as YAML, every default included, so that reading it back gives an equal one. */
final class ConfigWriter {
    private static final YAMLFactory YAML = YAMLFactory.builder()
            .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
            .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
            .enable(YAMLGenerator.Feature.ALWAYS_QUOTE_NUMBERS_AS_STRINGS)
            .disable(YAMLGenerator.Feature.SPLIT_LINES)
            .build();

    // YAML counts these as ends of lines, and makes another of them unless they stand escaped in quotes.
    private static final Pattern LINE_ENDS = Pattern.compile("[\\r\\x85\\u2028\\u2029]");
    private static final YAMLFactory QUOTED =
            YAML.rebuild().disable(YAMLGenerator.Feature.MINIMIZE_QUOTES).build();

    private ConfigWriter() {}

    static String toYaml(RunConfig config) {
        String plain = toYaml(config, YAML);
        return LINE_ENDS.matcher(plain).find() ? toYaml(config, QUOTED) : plain;
    }

    private static String toYaml(RunConfig config, YAMLFactory format) {
        StringWriter text = new StringWriter();
        text.write("# Complete configuration of a run; \"hornbeam train --recipe THIS_FILE\" repeats it.\n");
        try (YAMLGenerator out = format.createGenerator(text)) {
            write(ConfigSchema.ROOT, config, out);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toString();
    }

    private static void write(ValueType type, Object value, YAMLGenerator out) throws IOException {
        switch (type) {
            case Section section -> {
                out.writeStartObject();
                writeFields(section, value, out);
                out.writeEndObject();
            }
            case Kinds kinds -> writeKind(kinds, value, out);
            case ListOf list -> {
                out.writeStartArray();
                for (Object element : (List<?>) value) {
                    write(list.element(), element, out);
                }
                out.writeEndArray();
            }
            case Nullable nullable -> {
                Object held = unwrap(value);
                if (held == null) {
                    out.writeNull();
                } else {
                    write(nullable.element(), held, out);
                }
            }
            default -> writeScalar(value, out);
        }
    }

    private static void writeFields(Section section, Object record, YAMLGenerator out) throws IOException {
        RecordComponent[] components = section.type().getRecordComponents();
        for (int i = 0; i < components.length; i++) {
            Field field = section.fields().get(i);
            out.writeFieldName(field.key());
            write(field.type(), get(components[i], record), out);
        }
    }

    private static void writeKind(Kinds kinds, Object value, YAMLGenerator out) throws IOException {
        String kind = value.getClass().getAnnotation(Kind.class).value();
        Section section = kinds.sections().get(kind);
        if (section.fields().isEmpty()) {
            out.writeString(kind);
            return;
        }
        out.writeStartObject();
        out.writeStringField(ConfigTree.KIND, kind);
        writeFields(section, value, out);
        out.writeEndObject();
    }

    private static void writeScalar(Object value, YAMLGenerator out) throws IOException {
        switch (value) {
            case String s -> out.writeString(s);
            case Boolean b -> out.writeBoolean(b);
            case Integer i -> out.writeNumber(i);
            case Long l -> out.writeNumber(l);
            case Double d -> out.writeNumber(number(d));
            case Enum<?> e -> out.writeString(ConfigSchema.kebab(e));
            default ->
                throw new IllegalStateException(
                        "no YAML for a " + value.getClass().getName());
        }
    }

    /** The shortest decimal that reads back to the same double, without an exponent where it is of usual size. */
    static String number(double value) {
        double size = Math.abs(value);
        if (value == 0 || (size >= 1e-4 && size < 1e7)) {
            BigDecimal shortest = new BigDecimal(Double.toString(value)).stripTrailingZeros();
            return shortest.toPlainString();
        }
        return Double.toString(value).replace(".0E", "E").toLowerCase(Locale.ROOT);
    }

    private static Object unwrap(Object optional) {
        return switch (optional) {
            case OptionalInt i -> i.isPresent() ? (Object) i.getAsInt() : null;
            case OptionalDouble d -> d.isPresent() ? (Object) d.getAsDouble() : null;
            case Optional<?> o -> o.orElse(null);
            default -> throw new IllegalStateException("not an optional: " + optional.getClass());
        };
    }

    private static Object get(RecordComponent component, Object record) {
        try {
            return component.getAccessor().invoke(record);
        } catch (IllegalAccessException | InvocationTargetException e) {
            throw new IllegalStateException("cannot read " + component, e);
        }
    }
}
