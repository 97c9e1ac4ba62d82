package dev.hornbeam.testing;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the JSON objects in the metadata of golden files: numbers, strings without escapes, and arrays of these. */
public final class FlatJson {
    private static final Pattern MEMBER =
            Pattern.compile("\"([^\"]*)\"\\s*:\\s*(\\[[^\\]]*\\]|\"[^\"]*\"|-?[0-9.eE+-]+)\\s*[,}]");
    private static final Pattern ELEMENT = Pattern.compile("\"([^\"]*)\"|(-?[0-9.eE+-]+)");

    private final Map<String, String> members = new LinkedHashMap<>();

    /** Of an object's text. */
    public FlatJson(String text) {
        Matcher matcher = MEMBER.matcher(text);
        while (matcher.find()) {
            members.put(matcher.group(1), matcher.group(2));
        }
    }

    public boolean has(String name) {
        return members.containsKey(name);
    }

    public String string(String name) {
        String value = value(name);
        return value.substring(1, value.length() - 1);
    }

    public double number(String name) {
        return Double.parseDouble(value(name));
    }

    public int integer(String name) {
        return Integer.parseInt(value(name));
    }

    public List<String> strings(String name) {
        List<String> elements = new ArrayList<>();
        Matcher matcher = ELEMENT.matcher(value(name));
        while (matcher.find()) {
            elements.add(matcher.group(1) != null ? matcher.group(1) : matcher.group(2));
        }
        return elements;
    }

    public long[] longs(String name) {
        return strings(name).stream().mapToLong(Long::parseLong).toArray();
    }

    public int[] integers(String name) {
        return strings(name).stream().mapToInt(Integer::parseInt).toArray();
    }

    public double[] doubles(String name) {
        return strings(name).stream().mapToDouble(Double::parseDouble).toArray();
    }

    private String value(String name) {
        String value = members.get(name);
        if (value == null) {
            throw new IllegalArgumentException("no " + name + " in " + members);
        }
        return value;
    }
}
