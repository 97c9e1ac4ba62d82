package dev.hornbeam.training.run;

/**
 * A key of the configuration, as a recipe or an override writes it.
 *
 * @param path dotted key, as in {@code optimizer.lr}
 * @param kind the kind of its section that has it, or empty
 * @param expected what it takes, in words
 * @param defaultValue its default in YAML, or empty where it must be given
 * @param meaning one line about it
 */
public record SettingKey(String path, String kind, String expected, String defaultValue, String meaning) {}
