package dev.hornbeam.training.run;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/** What the configuration records say about their keys, read from them once. */
final class ConfigSchema {

    /** The schema of {@link RunConfig}. */
    static final Section ROOT = section(RunConfig.class);

    private ConfigSchema() {}

    /** What a value may be. */
    sealed interface ValueType {
        /** What is expected, as the end of "expected …". */
        String describe();
    }

    /** Any text. */
    record Text() implements ValueType {
        @Override
        public String describe() {
            return "a text";
        }
    }

    /** True or false. */
    record Flag() implements ValueType {
        @Override
        public String describe() {
            return "true or false";
        }
    }

    /** A whole number; {@code wide} for 64 bits. */
    record Whole(NumberRange range, boolean wide) implements ValueType {
        @Override
        public String describe() {
            return "a whole number" + range.describe();
        }
    }

    /** A number. */
    record Real(NumberRange range) implements ValueType {
        @Override
        public String describe() {
            return "a number" + range.describe();
        }
    }

    /** One constant of an enum, by name. */
    record Choice(Map<String, Object> constants) implements ValueType {
        @Override
        public String describe() {
            return oneOf(constants.keySet());
        }
    }

    /** A list of values of one type. */
    record ListOf(ValueType element) implements ValueType {
        @Override
        public String describe() {
            return "a list, each " + element.describe();
        }
    }

    /** A value or null; {@code wrapper} is the optional that holds it. */
    record Nullable(ValueType element, Class<?> wrapper) implements ValueType {
        @Override
        public String describe() {
            return element.describe() + ", or null";
        }
    }

    /** A record: keys with values. */
    record Section(Class<?> type, List<Field> fields) implements ValueType {
        @Override
        public String describe() {
            return "a section with the keys " + names();
        }

        /** The keys, separated by commas. */
        String names() {
            return fields.stream().map(Field::key).collect(Collectors.joining(", "));
        }

        /** The field of that key, or null. */
        Field field(String key) {
            return fields.stream().filter(f -> f.key().equals(key)).findFirst().orElse(null);
        }
    }

    /** A sealed interface: {@code kind} chooses the record. {@code defaultKind} is null where it must be given. */
    record Kinds(Map<String, Section> sections, String defaultKind) implements ValueType {
        @Override
        public String describe() {
            return "one of the kinds " + String.join(", ", sections.keySet());
        }
    }

    /** One key of a section; {@code def} is its default in YAML, or null where it must be given. */
    record Field(String key, ValueType type, String doc, String def) {}

    /** All keys that hold a value, in the order of the configuration. */
    static List<SettingKey> keys() {
        List<SettingKey> keys = new ArrayList<>();
        addKeys(ROOT, "", "", keys);
        return keys;
    }

    private static void addKeys(Section section, String prefix, String kind, List<SettingKey> keys) {
        for (Field field : section.fields()) {
            String path = prefix + field.key();
            String def = field.def() == null ? "" : field.def();
            switch (field.type()) {
                case Section inner -> addKeys(inner, path + ".", "", keys);
                case Kinds kinds -> {
                    keys.add(new SettingKey(
                            path + "." + ConfigTree.KIND,
                            kind,
                            oneOf(kinds.sections().keySet()),
                            def,
                            field.doc()));
                    kinds.sections().forEach((name, inner) -> addKeys(inner, path + ".", name, keys));
                }
                default -> keys.add(new SettingKey(path, kind, field.type().describe(), def, field.doc()));
            }
        }
    }

    /** The YAML name of an enum constant or a Java name: {@code AT_PERTURBED} is {@code at-perturbed}. */
    static String kebab(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private static String oneOf(Iterable<String> names) {
        return "one of " + String.join(", ", names);
    }

    private static String snake(String camel) {
        return camel.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
    }

    private static Section section(Class<?> type) {
        List<Field> fields = new ArrayList<>();
        for (RecordComponent component : type.getRecordComponents()) {
            Setting setting = component.getAnnotation(Setting.class);
            if (setting == null) {
                throw new IllegalStateException(type.getSimpleName() + "." + component.getName() + " lacks @Setting");
            }
            String def = setting.def().equals(Setting.REQUIRED) ? null : setting.def();
            ValueType valueType = valueType(component.getGenericType(), NumberRange.parse(setting.range()), def);
            fields.add(new Field(snake(component.getName()), valueType, setting.doc(), def));
        }
        return new Section(type, List.copyOf(fields));
    }

    private static ValueType valueType(Type type, NumberRange range, String def) {
        if (type instanceof ParameterizedType p) {
            ValueType element = valueType(p.getActualTypeArguments()[0], range, null);
            return p.getRawType() == Optional.class ? new Nullable(element, Optional.class) : new ListOf(element);
        }
        Class<?> c = (Class<?>) type;
        if (c == String.class) {
            return new Text();
        } else if (c == boolean.class) {
            return new Flag();
        } else if (c == int.class || c == Integer.class) {
            return new Whole(range, false);
        } else if (c == long.class || c == Long.class) {
            return new Whole(range, true);
        } else if (c == double.class || c == Double.class) {
            return new Real(range);
        } else if (c == OptionalInt.class) {
            return new Nullable(new Whole(range, false), c);
        } else if (c == OptionalDouble.class) {
            return new Nullable(new Real(range), c);
        } else if (c.isEnum()) {
            return choice(c);
        } else if (c.isRecord()) {
            return section(c);
        } else if (c.isSealed()) {
            return kinds(c, def);
        }
        throw new IllegalStateException("no way to configure a " + c.getName());
    }

    private static Choice choice(Class<?> type) {
        Map<String, Object> constants = new LinkedHashMap<>();
        Arrays.stream(type.getEnumConstants()).forEach(c -> constants.put(kebab((Enum<?>) c), c));
        return new Choice(constants);
    }

    private static Kinds kinds(Class<?> type, String def) {
        Map<String, Section> sections = new LinkedHashMap<>();
        for (Class<?> permitted : type.getPermittedSubclasses()) {
            sections.put(permitted.getAnnotation(Kind.class).value(), section(permitted));
        }
        return new Kinds(sections, def);
    }
}
