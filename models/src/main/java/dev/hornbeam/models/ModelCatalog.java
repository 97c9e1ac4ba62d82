package dev.hornbeam.models;

import dev.hornbeam.nn.Module;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Makes networks by name. */
public final class ModelCatalog {

    /** Makes one network. */
    @FunctionalInterface
    public interface Factory {
        /** The network, in training mode, on the CPU, with weights drawn from {@code seed}. */
        Module create(ModelSpec spec, long seed);
    }

    /**
     * One network of the catalog.
     *
     * @param name as given in a recipe
     * @param description one line
     * @param factory makes it
     */
    public record Entry(String name, String description, Factory factory) {}

    private static final Map<String, Entry> ENTRIES = entries();

    private ModelCatalog() {}

    /** All networks, in the order of the documentation. */
    public static List<Entry> all() {
        return List.copyOf(ENTRIES.values());
    }

    /** The names of all networks. */
    public static List<String> names() {
        return List.copyOf(ENTRIES.keySet());
    }

    /**
     * Makes the network of that name.
     *
     * @throws IllegalArgumentException if there is none, naming those that there are
     */
    public static Module create(String name, ModelSpec spec, long seed) {
        Entry entry = ENTRIES.get(name);
        if (entry == null) {
            throw new IllegalArgumentException(
                    "there is no model \"" + name + "\"; the models are " + String.join(", ", ENTRIES.keySet()));
        }
        return entry.factory().create(spec, seed);
    }

    private static Map<String, Entry> entries() {
        Map<String, Entry> entries = new LinkedHashMap<>();
        put(entries, "smallcnn28", "small CNN for 28x28 images (ours)", SmallCnn28::new);
        put(entries, "resnet18", "ResNet-18 with CIFAR stem", ResNet::resnet18);
        put(entries, "resnet34", "ResNet-34 with CIFAR stem", ResNet::resnet34);
        for (int depth : new int[] {20, 32, 44, 56, 110}) {
            put(
                    entries,
                    "resnet" + depth,
                    "thin ResNet-" + depth + " for CIFAR, option-A shortcuts",
                    (spec, normalisation, seed) -> ThinResNet.ofDepth(depth, spec, normalisation, seed));
        }
        return entries;
    }

    @FunctionalInterface
    private interface NormedFactory {
        Module create(ModelSpec spec, Normalisation normalisation, long seed);
    }

    // Every network comes with batch norm and, as name_gn, with group norm.
    private static void put(Map<String, Entry> entries, String name, String description, NormedFactory factory) {
        entries.put(
                name, new Entry(name, description, (spec, seed) -> factory.create(spec, Normalisation.BATCH, seed)));
        String grouped = name + "_gn";
        entries.put(
                grouped,
                new Entry(
                        grouped,
                        description + ", group norm",
                        (spec, seed) -> factory.create(spec, Normalisation.GROUP, seed)));
    }
}
