package dev.hornbeam.training.run;

import dev.hornbeam.training.NearestNames;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.run.ConfigTree.Mapping;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The recipes that come with Hornbeam, and the reading of configurations from recipes and files.
 *
 * <p>A recipe is a YAML file; its name is its path below {@code recipes} without the ending, as in
 * {@code damp/cifar10-resnet18}. It may build on another with {@code extends}: the keys of the other are taken first,
 * all but {@code name} and {@code description}.
 */
public final class Recipes {
    private static final String FOLDER = "/recipes/";
    private static final String ENDING = ".yaml";
    private static final String EXTENDS = "extends";
    private static final String NAME = "name";
    private static final String DESCRIPTION = "description";

    private Recipes() {}

    /**
     * A recipe by name.
     *
     * @param name as {@link #load} takes it
     * @param description one line about it
     */
    public record Entry(String name, String description) {}

    /** All recipes that come with Hornbeam, by name. */
    public static List<Entry> list() {
        return names().stream()
                .map(name -> {
                    String description = source(name).text(DESCRIPTION);
                    return new Entry(name, description == null ? "" : description);
                })
                .sorted(Comparator.comparing(Entry::name))
                .toList();
    }

    /** All keys that a recipe or an override may set. */
    public static List<SettingKey> keys() {
        return ConfigSchema.keys();
    }

    /**
     * Reads a recipe or a configuration file.
     *
     * @param recipe the name of a recipe, or the path of a YAML file
     * @throws UserError if there is no such recipe or file, or it says something that is not understood
     */
    public static RunConfig load(String recipe) {
        return load(recipe, Map.of());
    }

    /**
     * Reads a recipe or a configuration file and changes some keys.
     *
     * @param recipe the name of a recipe, or the path of a YAML file
     * @param overrides dotted keys with their values as they would stand in YAML
     * @throws UserError if there is no such recipe or file, or it or an override says something that is not understood
     */
    public static RunConfig load(String recipe, Map<String, String> overrides) {
        return bind(resolve(recipe, null, new ArrayList<>()), overrides);
    }

    /**
     * Reads a configuration file and changes some keys.
     *
     * @throws UserError if the file cannot be read, or it or an override says something that is not understood
     */
    public static RunConfig load(Path file, Map<String, String> overrides) {
        return bind(resolveFile(file, new ArrayList<>()), overrides);
    }

    private static RunConfig bind(Mapping tree, Map<String, String> overrides) {
        return ConfigBinder.bind(tree.overlay(ConfigTree.overrides(overrides)));
    }

    private static Mapping resolve(String reference, Path from, List<String> chain) {
        if (names().contains(reference)) {
            return inherit(source(reference), reference, null, chain);
        }
        Optional<Path> file = file(reference, from).filter(Files::isRegularFile);
        if (file.isPresent()) {
            return resolveFile(file.get(), chain);
        }
        String asked = chain.isEmpty() ? "" : chain.getLast() + " extends " + reference + ": ";
        throw new UserError(asked + "no recipe and no file named " + reference
                + "; \"hornbeam recipes list\" shows the recipes"
                + NearestNames.didYouMean(reference, names()));
    }

    private static Optional<Path> file(String reference, Path from) {
        try {
            return Optional.of(from == null ? Path.of(reference) : from.resolve(reference));
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }

    private static Mapping resolveFile(Path file, List<String> chain) {
        String name = file.getFileName().toString().replaceFirst("\\.ya?ml$", "");
        return inherit(read(file, chain), name, file.toAbsolutePath(), chain);
    }

    // What is wrong with a file that another one extends is told with the names of both.
    private static Mapping read(Path file, List<String> chain) {
        try {
            return ConfigTree.parse(Files.readString(file), file.toString());
        } catch (IOException e) {
            throw extended(UserError.cannotRead(file, e), chain);
        } catch (UserError e) {
            throw extended(e, chain);
        }
    }

    private static UserError extended(UserError error, List<String> chain) {
        return chain.isEmpty()
                ? error
                : new UserError(error.getMessage() + " (" + chain.getLast() + " extends it)", error);
    }

    // chain holds what was read on the way here, so that a circle is found.
    private static Mapping inherit(Mapping own, String name, Path file, List<String> chain) {
        String identity = file == null ? name : file.normalize().toString();
        if (chain.contains(identity)) {
            throw new UserError(own.origin() + ": " + EXTENDS + " leads back to " + identity + "; break the circle");
        }
        chain.add(identity);
        Mapping named = own.entries().containsKey(NAME) ? own : own.withText(NAME, name);
        if (!own.entries().containsKey(EXTENDS)) {
            return named;
        }
        String base = own.text(EXTENDS);
        if (base == null) {
            throw new UserError(
                    own.entries().get(EXTENDS).key() + ": " + EXTENDS + " expects the name of a recipe or a file");
        }
        Mapping inherited = resolve(base, file == null ? null : file.getParent(), chain);
        return inherited.without(NAME, DESCRIPTION).overlay(named.without(EXTENDS));
    }

    // Resources in a module cannot be listed, so their names stand in a file of their own.
    private static List<String> names() {
        return resource("index.txt").lines().filter(line -> !line.isBlank()).toList();
    }

    private static Mapping source(String name) {
        return ConfigTree.parse(resource(name + ENDING), "recipes/" + name + ENDING);
    }

    private static String resource(String path) {
        try (InputStream in = Recipes.class.getResourceAsStream(FOLDER + path)) {
            if (in == null) {
                throw new IllegalStateException("resource " + FOLDER + path + " is missing from the jar");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
