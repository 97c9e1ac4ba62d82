package dev.hornbeam.training.run;

import dev.hornbeam.training.NearestNames;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.run.ConfigSchema.Choice;
import dev.hornbeam.training.run.ConfigSchema.Field;
import dev.hornbeam.training.run.ConfigSchema.Flag;
import dev.hornbeam.training.run.ConfigSchema.Kinds;
import dev.hornbeam.training.run.ConfigSchema.ListOf;
import dev.hornbeam.training.run.ConfigSchema.Nullable;
import dev.hornbeam.training.run.ConfigSchema.Real;
import dev.hornbeam.training.run.ConfigSchema.Section;
import dev.hornbeam.training.run.ConfigSchema.Text;
import dev.hornbeam.training.run.ConfigSchema.ValueType;
import dev.hornbeam.training.run.ConfigSchema.Whole;
import dev.hornbeam.training.run.ConfigTree.Entry;
import dev.hornbeam.training.run.ConfigTree.Mapping;
import dev.hornbeam.training.run.ConfigTree.Origin;
import dev.hornbeam.training.run.ConfigTree.Scalar;
import dev.hornbeam.training.run.ConfigTree.Sequence;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/** Turns a {@link ConfigTree} into a {@link RunConfig}, or says exactly what is wrong and where. */
final class ConfigBinder {
    private static final Pattern WHOLE = Pattern.compile("[-+]?\\d+");
    private static final Pattern REAL = Pattern.compile("[-+]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][-+]?\\d+)?");

    private ConfigBinder() {}

    /**
     * Binds a whole configuration.
     *
     * @throws UserError if a key is unknown or missing, or a value is not what its key takes
     */
    static RunConfig bind(Mapping tree) {
        return (RunConfig) section(ConfigSchema.ROOT, tree, "", null);
    }

    /** {@code tree} with every {@code perturbation: damp} written out as {@code perturbation: {kind: damp}}. */
    static Mapping writeOutKinds(Mapping tree) {
        return writeOutKinds(ConfigSchema.ROOT, tree);
    }

    private static Mapping writeOutKinds(Section section, Mapping tree) {
        Map<String, Entry> entries = new LinkedHashMap<>(tree.entries());
        entries.replaceAll((key, entry) -> {
            Field field = section.field(key);
            ValueType type = field == null ? null : field.type();
            if (type instanceof Kinds && entry.value() instanceof Scalar s && !s.isNull()) {
                return new Entry(entry.key(), ConfigTree.kindOf(s));
            }
            return type instanceof Section inner && entry.value() instanceof Mapping m
                    ? new Entry(entry.key(), writeOutKinds(inner, m))
                    : entry;
        });
        return new Mapping(entries, tree.origin());
    }

    private static Object value(ValueType type, ConfigTree node, String path) {
        return switch (type) {
            case Nullable nullable -> nullable(nullable, node, path);
            case Section section -> {
                if (!(node instanceof Mapping mapping)) {
                    throw wrong(type, node, path);
                }
                yield section(section, mapping, path, null);
            }
            case Kinds kinds -> ofKind(kinds, node, path);
            case ListOf list -> list(list, node, path);
            case Text _ -> scalar(type, node, path);
            case Flag _ -> flag(type, node, path);
            case Whole whole -> whole(whole, node, path);
            case Real real -> real(real, node, path);
            case Choice choice -> choice(choice, node, path);
        };
    }

    private static Object section(Section section, Mapping node, String path, Kinds among) {
        node.entries().forEach((key, entry) -> {
            boolean known = section.field(key) != null || (among != null && key.equals(ConfigTree.KIND));
            if (!known) {
                throw unknownKey(section, among, join(path, key), key, entry.key());
            }
        });
        List<Object> values = new ArrayList<>();
        for (Field field : section.fields()) {
            String fieldPath = join(path, field.key());
            Entry entry = node.entries().get(field.key());
            if (entry != null) {
                values.add(value(field.type(), entry.value(), fieldPath));
            } else if (field.def() != null) {
                values.add(value(field.type(), ConfigTree.fragment(field.def(), "default of " + fieldPath), fieldPath));
            } else {
                throw new UserError(node.origin() + ": " + fieldPath + " is missing; expected "
                        + field.type().describe());
            }
        }
        return construct(section, values, node, path);
    }

    private static Object ofKind(Kinds kinds, ConfigTree node, String path) {
        Mapping mapping = switch (node) {
            case Mapping m -> m;
            case Scalar s when !s.isNull() -> ConfigTree.kindOf(s);
            default -> throw wrong(kinds, node, path);
        };
        Entry entry = mapping.entries().get(ConfigTree.KIND);
        String kindPath = join(path, ConfigTree.KIND);
        if (entry == null && kinds.defaultKind() == null) {
            throw new UserError(mapping.origin() + ": " + kindPath + " is missing; expected " + kinds.describe());
        }
        String kind = entry == null ? kinds.defaultKind() : scalar(new Text(), entry.value(), kindPath);
        Section section = kinds.sections().get(kind);
        if (section == null) {
            throw new UserError(
                    entry.value().origin() + ": " + path + " is '" + kind + "'; expected " + kinds.describe()
                            + NearestNames.didYouMean(kind, kinds.sections().keySet()));
        }
        return section(section, mapping, path, kinds);
    }

    private static Object nullable(Nullable type, ConfigTree node, String path) {
        boolean isNull = node instanceof Scalar s && s.isNull();
        Object value = isNull ? null : value(type.element(), node, path);
        if (type.wrapper() == OptionalInt.class) {
            return value == null ? OptionalInt.empty() : OptionalInt.of((Integer) value);
        } else if (type.wrapper() == OptionalDouble.class) {
            return value == null ? OptionalDouble.empty() : OptionalDouble.of((Double) value);
        }
        return Optional.ofNullable(value);
    }

    private static List<Object> list(ListOf type, ConfigTree node, String path) {
        List<ConfigTree> items = switch (node) {
            case Sequence s -> s.items();
            // One value stands for a list of one, and commas separate several: easier on a command line.
            case Scalar s
            when !s.isNull() ->
                Arrays.stream(s.text().split(",", -1))
                        .map(part -> (ConfigTree) new Scalar(part.strip(), false, s.origin()))
                        .toList();
            default -> throw wrong(type, node, path);
        };
        List<Object> values = new ArrayList<>();
        for (ConfigTree item : items) {
            values.add(value(type.element(), item, path));
        }
        return List.copyOf(values);
    }

    private static String scalar(ValueType type, ConfigTree node, String path) {
        if (node instanceof Scalar s && !s.isNull()) {
            return s.text();
        }
        throw wrong(type, node, path);
    }

    private static boolean flag(ValueType type, ConfigTree node, String path) {
        return switch (scalar(type, node, path)) {
            case "true" -> true;
            case "false" -> false;
            default -> throw wrong(type, node, path);
        };
    }

    private static Object whole(Whole type, ConfigTree node, String path) {
        String text = scalar(type, node, path);
        if (!WHOLE.matcher(text).matches()) {
            throw wrong(type, node, path);
        }
        try {
            long value = Long.parseLong(text);
            boolean fits = type.range().contains((double) value) && (type.wide() || value == (int) value);
            if (!fits) {
                throw wrong(type, node, path);
            }
            return type.wide() ? (Object) value : (Object) (int) value;
        } catch (NumberFormatException e) {
            throw wrong(type, node, path);
        }
    }

    private static double real(Real type, ConfigTree node, String path) {
        String text = scalar(type, node, path);
        double value = REAL.matcher(text).matches() ? Double.parseDouble(text) : Double.NaN;
        if (Double.isFinite(value) && type.range().contains(value)) {
            return value;
        }
        throw wrong(type, node, path);
    }

    private static Object choice(Choice type, ConfigTree node, String path) {
        String text = scalar(type, node, path);
        Object constant = type.constants().get(text);
        if (constant == null) {
            UserError error = wrong(type, node, path);
            throw new UserError(error.getMessage()
                    + NearestNames.didYouMean(text, type.constants().keySet()));
        }
        return constant;
    }

    private static Object construct(Section section, List<Object> values, Mapping node, String path) {
        try {
            return constructor(section.type()).newInstance(values.toArray());
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof InvalidSetting problem) {
                Origin origin = originOf(node, problem.key());
                throw new UserError(origin + ": " + join(path, problem.key()) + " " + problem.problem(), problem);
            }
            throw new IllegalStateException("cannot create " + section.type().getName(), e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("cannot create " + section.type().getName(), e);
        }
    }

    private static Constructor<?> constructor(Class<?> type) throws NoSuchMethodException {
        Class<?>[] parameters = Arrays.stream(type.getRecordComponents())
                .map(RecordComponent::getType)
                .toArray(Class<?>[]::new);
        return type.getDeclaredConstructor(parameters);
    }

    // The place of the key, or of the innermost section on the way to it that was written down.
    private static Origin originOf(Mapping node, String key) {
        int dot = key.indexOf('.');
        Entry entry = node.entries().get(dot < 0 ? key : key.substring(0, dot));
        if (entry == null) {
            return node.origin();
        }
        return dot >= 0 && entry.value() instanceof Mapping inner
                ? originOf(inner, key.substring(dot + 1))
                : entry.key();
    }

    private static UserError unknownKey(Section section, Kinds among, String path, String key, Origin origin) {
        String start = origin + ": unknown key " + path;
        if (among != null) {
            List<String> owners = among.sections().entrySet().stream()
                    .filter(e -> e.getValue().field(key) != null)
                    .map(e -> e.getKey())
                    .toList();
            if (!owners.isEmpty()) {
                String kind = section.type().getAnnotation(Kind.class).value();
                String parent = path.substring(0, path.length() - key.length() - 1);
                return new UserError(start + " for " + parent + " of kind " + kind + "; it belongs to kind "
                        + String.join(" and ", owners));
            }
        }
        List<String> known = ConfigSchema.keys().stream().map(SettingKey::path).toList();
        String meant = NearestNames.didYouMean(path, known);
        String keys = section.names().isEmpty() ? "; there are none here" : "; the keys here are " + section.names();
        return new UserError(start + (meant.isEmpty() ? keys : meant));
    }

    private static UserError wrong(ValueType type, ConfigTree node, String path) {
        String shown = switch (node) {
            case Scalar s when s.isNull() -> "empty";
            case Scalar s -> "'" + s.text() + "'";
            case Sequence _ -> "a list";
            case Mapping _ -> "a section";
        };
        return new UserError(node.origin() + ": " + path + " is " + shown + "; expected " + type.describe());
    }

    private static String join(String path, String key) {
        return path.isEmpty() ? key : path + "." + key;
    }
}
