package dev.hornbeam.models;

import dev.hornbeam.nn.Dropout;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.StochasticDepth;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Makes networks by name. docs/models.md has them in a table. */
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
     * @param side height and width of the images that it was published for, in pixels
     * @param channels of those images
     * @param classes of those images
     * @param head path of the linear layer that gives the logits; see {@link Headed}
     * @param factory makes it
     */
    public record Entry(
            String name, String description, int side, int channels, int classes, String head, Factory factory) {

        /** What the published network is made for. */
        public ModelSpec publishedSpec() {
            return ModelSpec.of(channels, classes).withSide(side);
        }
    }

    private static final Pattern WIDE = Pattern.compile("wrn-([1-9]\\d{0,3})-([1-9]\\d{0,2})");
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
     * The network of that name, if there is one: one of {@link #all()}, or {@code wrn-d-k} for any depth d = 6n + 4 and
     * widening k.
     */
    public static Optional<Entry> find(String name) {
        Entry entry = ENTRIES.get(name);
        if (entry != null) {
            return Optional.of(entry);
        }
        Matcher wide = WIDE.matcher(name);
        if (!wide.matches()) {
            return Optional.empty();
        }
        int depth = Integer.parseInt(wide.group(1));
        boolean possible = depth >= 10 && (depth - 4) % 6 == 0;
        return possible ? Optional.of(wideResNet(depth, Integer.parseInt(wide.group(2)))) : Optional.empty();
    }

    /**
     * Makes the network of that name.
     *
     * @throws IllegalArgumentException if there is none, naming those that there are; or if the spec asks for something that
     *     the network does not have, such as dropout
     */
    public static Module create(String name, ModelSpec spec, long seed) {
        Entry entry = find(name)
                .orElseThrow(() -> new IllegalArgumentException("there is no model \"" + name + "\"; the models are "
                        + String.join(", ", ENTRIES.keySet()) + " and wrn-d-k with d = 6n + 4"));
        Module network = entry.factory().create(spec, seed);
        try {
            checkSpec(name, spec, network);
        } catch (IllegalArgumentException e) {
            network.close();
            throw e;
        }
        return network;
    }

    // A setting that does nothing would be found out late, if at all.
    private static void checkSpec(String name, ModelSpec spec, Module network) {
        if (spec.dropRate().orElse(0) > 0 && !has(network, Dropout.class)) {
            throw new IllegalArgumentException(name + " has no dropout, but the drop rate is "
                    + spec.dropRate().getAsDouble() + "; leave it out");
        }
        if (spec.dropPath() > 0 && !has(network, StochasticDepth.class)) {
            throw new IllegalArgumentException(
                    name + " has no stochastic depth, but the drop path is " + spec.dropPath() + "; leave it out");
        }
        if (spec.zeroInitResidual() && !has(network, ResidualStages.EndsInNorm.class)) {
            throw new IllegalArgumentException(
                    name + " has no residual branches that end in a norm and could start at zero;"
                            + " leave zero-init residual out");
        }
    }

    private static boolean has(Module network, Class<?> kind) {
        return network.namedModules().values().stream().anyMatch(kind::isInstance);
    }

    private static Map<String, Entry> entries() {
        Map<String, Entry> entries = new LinkedHashMap<>();
        small(entries, "smallcnn28", "small CNN for 28x28 images (ours)", 28, 1, SmallCnn28::new);
        small(entries, "resnet18", "ResNet-18 with CIFAR stem", 32, 3, ResNet::resnet18);
        small(entries, "resnet34", "ResNet-34 with CIFAR stem", 32, 3, ResNet::resnet34);
        for (int depth : new int[] {20, 32, 44, 56, 110}) {
            small(
                    entries,
                    "resnet" + depth,
                    "thin ResNet-" + depth + " for CIFAR, option-A shortcuts",
                    32,
                    3,
                    (spec, normalisation, seed) -> ThinResNet.ofDepth(depth, spec, normalisation, seed));
        }
        large(entries, "resnet18_imagenet", "ResNet-18, torchvision's", "fc", ImageNetResNet::resnet18);
        large(entries, "resnet34_imagenet", "ResNet-34, torchvision's", "fc", ImageNetResNet::resnet34);
        large(entries, "resnet50", "ResNet-50, torchvision's v1.5", "fc", ImageNetResNet::resnet50);
        large(entries, "resnet101", "ResNet-101, torchvision's v1.5", "fc", ImageNetResNet::resnet101);
        preActivation(entries, "preactresnet18", "PreActResNet-18", PreActResNet::resnet18);
        preActivation(entries, "preactresnet34", "PreActResNet-34", PreActResNet::resnet34);
        add(entries, wideResNet(28, 10));
        add(entries, wideResNet(34, 10));
        add(
                entries,
                new Entry(
                        "wrn-28-2_sharpdro",
                        "WRN-28-2 of SharpDRO, leaky ReLU",
                        32,
                        3,
                        10,
                        "fc",
                        SharpDroWideResNet::new));
        add(entries, new Entry("cnn9", "nine-layer CNN of co-teaching and PRL", 32, 3, 10, "l_c1", Cnn9::new));
        add(
                entries,
                new Entry(
                        "smallcnn_trades",
                        "small CNN of TRADES for MNIST",
                        28,
                        1,
                        10,
                        "classifier.fc3",
                        TradesSmallCnn::new));
        add(
                entries,
                new Entry(
                        "vgg16_bn",
                        "VGG-16 with batch norm and dropout, as for selective classification",
                        32,
                        3,
                        10,
                        "classifier.4",
                        Vgg16::new));
        for (VisionTransformer.Form form : VisionTransformer.Form.values()) {
            boolean simple = form == VisionTransformer.Form.SIMPLE;
            String suffix = simple ? "_simple" : "";
            String words =
                    simple ? ", fixed positions and global average pooling" : ", class token and learned positions";
            large(
                    entries,
                    "vit-s-16" + suffix,
                    "ViT-S/16" + words,
                    "head",
                    (spec, seed) -> VisionTransformer.small(form, spec, seed));
            large(
                    entries,
                    "vit-b-16" + suffix,
                    "ViT-B/16" + words,
                    "head",
                    (spec, seed) -> VisionTransformer.base(form, spec, seed));
        }
        return entries;
    }

    private static void add(Map<String, Entry> entries, Entry entry) {
        entries.put(entry.name(), entry);
    }

    @FunctionalInterface
    private interface NormedFactory {
        Module create(ModelSpec spec, Normalisation normalisation, long seed);
    }

    // These networks come with batch norm and, as name_gn, with group norm.
    private static void small(
            Map<String, Entry> entries,
            String name,
            String description,
            int side,
            int channels,
            NormedFactory factory) {
        Factory batch = (spec, seed) -> factory.create(spec, Normalisation.BATCH, seed);
        Factory group = (spec, seed) -> factory.create(spec, Normalisation.GROUP, seed);
        add(entries, new Entry(name, description, side, channels, 10, "fc", batch));
        add(entries, new Entry(name + "_gn", description + ", group norm", side, channels, 10, "fc", group));
    }

    private static void large(
            Map<String, Entry> entries, String name, String description, String head, Factory factory) {
        add(entries, new Entry(name, description, 224, 3, 1000, head, factory));
    }

    @FunctionalInterface
    private interface FormedFactory {
        Module create(PreActResNet.Form form, ModelSpec spec, long seed);
    }

    // What DAMP trains them on: Tiny ImageNet.
    private static void preActivation(
            Map<String, Entry> entries, String name, String description, FormedFactory factory) {
        Factory kuangliu = (spec, seed) -> factory.create(PreActResNet.Form.KUANGLIU, spec, seed);
        Factory damp = (spec, seed) -> factory.create(PreActResNet.Form.DAMP, spec, seed);
        add(entries, new Entry(name, description + ", kuangliu's form", 64, 3, 200, "linear", kuangliu));
        add(entries, new Entry(name + "_damp", description + ", DAMP's form", 64, 3, 200, "linear", damp));
    }

    private static Entry wideResNet(int depth, int widening) {
        return new Entry(
                "wrn-" + depth + "-" + widening,
                "wide ResNet of depth " + depth + ", " + widening + " times as wide",
                32,
                3,
                10,
                "fc",
                (spec, seed) -> new WideResNet(depth, widening, spec, seed));
    }
}
