package dev.hornbeam.training.run;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A piece of YAML in which every value knows where it was written.
 *
 * <p>Scalars stay text: whether {@code 5e-4} is a number is for the key that takes it to say, not for YAML's rules.
 */
sealed interface ConfigTree {

    /** The key that chooses among the records of a sealed interface. */
    String KIND = "kind";

    /** Where this was written. */
    Origin origin();

    /**
     * A place in a file or on the command line.
     *
     * @param source file, recipe or option
     * @param line line from 1, or 0 where lines mean nothing
     */
    record Origin(String source, int line) {
        @Override
        public String toString() {
            return line > 0 ? source + ":" + line : source;
        }
    }

    /** A single value; {@code isNull} tells an unquoted null from the text. */
    record Scalar(String text, boolean isNull, Origin origin) implements ConfigTree {}

    /** A list. */
    record Sequence(List<ConfigTree> items, Origin origin) implements ConfigTree {}

    /** One key of a mapping: where the key stands, and its value. */
    record Entry(Origin key, ConfigTree value) {}

    /** A section: keys in the order of the file. */
    record Mapping(Map<String, Entry> entries, Origin origin) implements ConfigTree {
        public Mapping {
            entries = Collections.unmodifiableMap(new LinkedHashMap<>(entries));
        }

        /** The text of a scalar under {@code key}, or null. */
        String text(String key) {
            Entry entry = entries.get(key);
            return entry != null && entry.value instanceof Scalar scalar && !scalar.isNull ? scalar.text : null;
        }

        /** All values by dotted key, lists in brackets. */
        Map<String, String> flatten() {
            Map<String, String> flat = new LinkedHashMap<>();
            flattenInto(flat, "");
            return flat;
        }

        private void flattenInto(Map<String, String> flat, String prefix) {
            entries.forEach((key, entry) -> {
                if (entry.value instanceof Mapping inner) {
                    inner.flattenInto(flat, prefix + key + ".");
                } else {
                    flat.put(prefix + key, plainText(entry.value));
                }
            });
        }

        private static String plainText(ConfigTree value) {
            return switch (value) {
                case Scalar scalar -> scalar.text;
                case Sequence sequence ->
                    sequence.items.stream().map(Mapping::plainText).collect(Collectors.joining(", ", "[", "]"));
                case Mapping mapping -> mapping.flatten().toString();
            };
        }

        /** This mapping without {@code keys}. */
        Mapping without(String... keys) {
            Map<String, Entry> kept = new LinkedHashMap<>(entries);
            for (String key : keys) {
                kept.remove(key);
            }
            return new Mapping(kept, origin);
        }

        /** This mapping with a scalar added. */
        Mapping withText(String key, String text) {
            Map<String, Entry> more = new LinkedHashMap<>();
            more.put(key, new Entry(origin, new Scalar(text, false, origin)));
            more.putAll(entries);
            return new Mapping(more, origin);
        }

        /**
         * This mapping with another laid over it: sections are merged key by key, everything else is replaced.
         *
         * <p>A section that changes its kind starts anew, because the keys of the old kind mean nothing to the new one.
         * Both sides have their kinds written out ({@link ConfigBinder#writeOutKinds}).
         */
        Mapping overlay(Mapping over) {
            Map<String, Entry> merged = new LinkedHashMap<>(entries);
            over.entries.forEach((key, entry) -> merged.merge(key, entry, Mapping::merge));
            // A line in a file says more about what is missing than the option that changed something beside it.
            return new Mapping(merged, over.origin.line > 0 ? over.origin : origin);
        }

        private static Entry merge(Entry base, Entry over) {
            if (base.value instanceof Mapping b && over.value instanceof Mapping o) {
                String kind = o.text(KIND);
                boolean changesKind = kind != null && b.text(KIND) != null && !kind.equals(b.text(KIND));
                return changesKind ? over : new Entry(over.key, b.overlay(o));
            }
            return over;
        }
    }

    /** The section that {@code scalar} is short for: {@code damp} means {@code {kind: damp}}. */
    static Mapping kindOf(Scalar scalar) {
        return new Mapping(Map.of(KIND, new Entry(scalar.origin, scalar)), scalar.origin);
    }

    /** Parses one value, as it would stand after a key. */
    static ConfigTree fragment(String yaml, String source) {
        return new YamlReader(yaml, source, false).document();
    }

    /**
     * Parses a configuration in YAML, with its kinds written out; an empty document is an empty mapping.
     *
     * @param source how errors name the document
     * @throws UserError if it is not YAML, repeats a key, or its root is not a mapping
     */
    static Mapping parse(String yaml, String source) {
        ConfigTree root = new YamlReader(yaml, source, true).document();
        return switch (root) {
            case Mapping mapping -> ConfigBinder.writeOutKinds(mapping);
            case Scalar scalar when scalar.isNull -> new Mapping(Map.of(), scalar.origin);
            default -> throw new UserError(root.origin() + ": expected keys with values, as in \"epochs: 10\"");
        };
    }

    /**
     * The tree of overrides given as dotted keys.
     *
     * @param overrides keys such as {@code optimizer.lr}, values as they would stand in YAML
     * @throws UserError if a value is not YAML
     */
    static Mapping overrides(Map<String, String> overrides) {
        Mapping all = new Mapping(Map.of(), new Origin("--set", 0));
        for (Map.Entry<String, String> override : overrides.entrySet()) {
            Origin origin = new Origin("--set " + override.getKey() + "=" + override.getValue(), 0);
            ConfigTree value = fragment(override.getValue(), origin.source());
            List<String> path = List.of(override.getKey().split("\\.", -1));
            if (path.contains("")) {
                throw new UserError(origin + ": '" + override.getKey() + "' is not a key; write it as in optimizer.lr");
            }
            for (String segment : path.reversed()) {
                value = new Mapping(Map.of(segment, new Entry(origin, value)), origin);
            }
            all = all.overlay(ConfigBinder.writeOutKinds((Mapping) value));
        }
        return all;
    }

    /** Reads one document from Jackson's stream of YAML tokens. */
    final class YamlReader {
        private static final YAMLFactory YAML = new YAMLFactory();

        private final String text;
        private final String source;
        private final boolean countLines;

        YamlReader(String text, String source, boolean countLines) {
            this.text = text;
            this.source = source;
            this.countLines = countLines;
        }

        ConfigTree document() {
            try (YAMLParser parser = YAML.createParser(text)) {
                if (parser.nextToken() == null) {
                    return new Scalar("", true, origin(1));
                }
                ConfigTree root = value(parser);
                if (parser.nextToken() != null) {
                    throw new UserError(
                            origin(parser) + ": a second document starts here; one file is one configuration");
                }
                return root;
            } catch (JsonProcessingException e) {
                JsonLocation location = e.getLocation();
                Origin origin = origin(location == null ? 1 : location.getLineNr());
                throw new UserError(origin + ": not valid YAML: " + problem(e), e);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private ConfigTree value(YAMLParser parser) throws IOException {
            Origin origin = origin(parser);
            if (parser.isCurrentAlias()) {
                throw new UserError(origin + ": aliases (*name) are not supported; write the value out");
            }
            return switch (parser.currentToken()) {
                case START_OBJECT -> mapping(parser, origin);
                case START_ARRAY -> sequence(parser, origin);
                // An unquoted null is one of YAML's spellings of it; a quoted one arrives as a string.
                case VALUE_NULL -> new Scalar(parser.getText(), true, origin);
                case VALUE_STRING -> new Scalar(parser.getText(), isEmptyPlain(parser), origin);
                default -> new Scalar(parser.getText(), false, origin);
            };
        }

        // "key:" with nothing after it reaches us as an empty string where it was not quoted.
        private boolean isEmptyPlain(YAMLParser parser) throws IOException {
            if (!parser.getText().isEmpty()) {
                return false;
            }
            long offset = parser.currentTokenLocation().getCharOffset();
            return offset < 0 || offset >= text.length() || "\"'".indexOf(text.charAt((int) offset)) < 0;
        }

        private Mapping mapping(YAMLParser parser, Origin origin) throws IOException {
            Map<String, Entry> entries = new LinkedHashMap<>();
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String key = parser.currentName();
                Origin keyOrigin = origin(parser);
                Entry earlier = entries.get(key);
                if (earlier != null) {
                    throw new UserError(
                            keyOrigin + ": " + key + " is given a second time; the first is at " + earlier.key());
                }
                parser.nextToken();
                entries.put(key, new Entry(keyOrigin, value(parser)));
            }
            return new Mapping(entries, origin);
        }

        private Sequence sequence(YAMLParser parser, Origin origin) throws IOException {
            List<ConfigTree> items = new ArrayList<>();
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                items.add(value(parser));
            }
            return new Sequence(List.copyOf(items), origin);
        }

        private Origin origin(YAMLParser parser) {
            return origin(parser.currentTokenLocation().getLineNr());
        }

        private Origin origin(int line) {
            return new Origin(source, countLines ? Math.max(line, 1) : 0);
        }

        // SnakeYAML's message is many lines: "while ...", the place, a drawing of it, and in between what is wrong.
        private static String problem(JsonProcessingException e) {
            return e.getOriginalMessage()
                    .lines()
                    .filter(line -> !line.startsWith("while ") && !line.startsWith(" "))
                    .findFirst()
                    .orElse("syntax error");
        }
    }
}
