package dev.hornbeam.models.weights;

import dev.hornbeam.autograd.ops.Concat;
import dev.hornbeam.io.Safetensors;
import dev.hornbeam.io.StoredTensor;
import dev.hornbeam.io.TensorFileException;
import dev.hornbeam.io.WeightsFile;
import dev.hornbeam.io.WeightsSource;
import dev.hornbeam.models.Headed;
import dev.hornbeam.nn.BatchNorm2d;
import dev.hornbeam.nn.Linear;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.WeightLayout;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The weights in a file of any format that {@link WeightsSource} reads, for a network of the catalog.
 *
 * {@snippet :
 * try (var network = ModelCatalog.create("resnet18_imagenet", ModelSpec.of(3, 10), 1);
 *         var weights = PretrainedWeights.open(Path.of("resnet18.pth"))) {
 *     System.out.println(weights.loadInto(network, Fit.NEW_HEAD));
 * }
 * }
 *
 * <p>The names are found below whatever dictionary holds most of the network's: {@code state_dict.}, {@code model.} or
 * another, and whatever programs wrap networks in, such as {@code module.}, is passed over. What else the file holds, such as
 * an optimizer's state, is put aside and reported. docs/weights.md says what names are understood.
 */
public final class PretrainedWeights implements AutoCloseable {
    private static final String POSITIONS = "pos_embed";

    private final Path path;
    private final WeightsSource source;

    private PretrainedWeights(Path path, WeightsSource source) {
        this.path = path;
        this.source = source;
    }

    /**
     * Opens a file and reads what describes its tensors.
     *
     * @throws TensorFileException when it is no file of weights, a damaged one, or asks for more than to be read
     * @throws IOException when it cannot be read
     */
    public static PretrainedWeights open(Path path) throws IOException {
        return new PretrainedWeights(path, WeightsSource.open(path));
    }

    /** The file's tensors and texts. */
    public WeightsSource source() {
        return source;
    }

    /** How many classes the file's network tells apart, by the size of its head; empty where none has such a name. */
    public OptionalInt classes() throws IOException {
        for (StoredTensor tensor : source.tensors().values()) {
            long classes = NameMapping.classes(tensor.name(), tensor.shape());
            if (classes > 0 && classes <= Integer.MAX_VALUE) {
                return OptionalInt.of((int) classes);
            }
        }
        return OptionalInt.empty();
    }

    /**
     * The number of classes in the tensor that a network of this kind has as its head.
     *
     * @param head path of the head, as in a catalog's entry; for names that {@link #classes()} does not know
     */
    public OptionalInt classes(String head) throws IOException {
        String weight = head + ".weight";
        for (StoredTensor tensor : source.tensors().values()) {
            String name = NameMapping.plain(tensor.name());
            if ((name.equals(weight) || name.endsWith("." + weight)) && tensor.shape().length == 2) {
                return OptionalInt.of(Math.toIntExact(Math.min(Integer.MAX_VALUE, tensor.shape()[0])));
            }
        }
        return classes();
    }

    /**
     * Copies the weights into a network, converted to its types. On an error nothing is changed.
     *
     * @return what became of the tensors
     * @throws TensorFileException when the file does not have what is asked for, naming what is missing and left over
     */
    public WeightsReport loadInto(Module network, Fit fit) throws IOException {
        Plan plan = plan(network, fit);
        if (!plan.report.is(fit)) {
            throw new TensorFileException(
                    path, "the weights are not those of " + network.getClass().getSimpleName() + ": " + plan.report);
        }
        Map<String, Tensor> state = network.stateDict();
        Map<String, WeightLayout> layouts = network.fileLayouts();
        for (Map.Entry<String, Piece[]> found : plan.pieces.entrySet()) {
            try (var _ = TensorScope.open()) {
                Tensor target = state.get(found.getKey());
                Tensor whole = read(found.getValue());
                if (plan.resized.contains(found.getKey())) {
                    whole = PositionResize.resize(whole, target.size(1));
                }
                target.copyFrom(layouts.get(found.getKey()).fromFile(whole));
            }
        }
        return plan.report;
    }

    private Tensor read(Piece[] pieces) throws IOException {
        Tensor[] parts = new Tensor[pieces.length];
        for (int i = 0; i < parts.length; i++) {
            Tensor part = source.readTensor(pieces[i].name);
            // Only these two are computed with.
            if (part.dtype() == DType.BF16) {
                part = part.cast(DType.F32);
            }
            parts[i] = pieces[i].how.apply(part);
        }
        return parts.length == 1 ? parts[0] : Concat.concat(0, parts);
    }

    /** Closes the file; what was loaded stays. */
    @Override
    public void close() throws IOException {
        source.close();
    }

    // ------------------------------------------------------------------------------------------------------- plan

    /** A tensor of the file that is, or is a part of, one of the network. */
    @SuppressWarnings("ArrayRecordComponent") // Never compared.
    private record Piece(String name, long[] shape, Rearrangement how) {}

    /** What goes where. */
    private record Plan(Map<String, Piece[]> pieces, Set<String> resized, WeightsReport report) {}

    private Plan plan(Module network, Fit fit) throws IOException {
        Map<String, Tensor> state = network.stateDict();
        String head = head(network);
        NameMapping mapping = new NameMapping(state.keySet(), head);
        Map<String, StoredTensor> tensors = source.tensors();
        String prefix = prefix(mapping, tensors.keySet());
        Map<String, Piece[]> pieces = new LinkedHashMap<>();
        List<String> leftOver = new ArrayList<>();
        Map<String, Integer> aside = new LinkedHashMap<>();
        for (StoredTensor tensor : tensors.values()) {
            String plain = NameMapping.plain(tensor.name());
            if (!plain.startsWith(prefix)) {
                aside.merge(plain.split("\\.", 2)[0], 1, Integer::sum);
                continue;
            }
            Optional<Destination> destination = mapping.destination(plain.substring(prefix.length()));
            switch (destination.orElse(null)) {
                case null -> leftOver.add(tensor.name());
                case Destination.Aside nowhere -> {
                    if (!nowhere.why().isEmpty()) {
                        aside.merge(nowhere.why(), 1, Integer::sum);
                    }
                }
                case Destination.Into into -> {
                    Piece[] places = pieces.computeIfAbsent(into.target(), _ -> new Piece[into.parts()]);
                    if (places.length != into.parts() || places[into.part()] != null) {
                        throw new TensorFileException(
                                path,
                                "the tensors \"" + name(places) + "\" and \"" + tensor.name() + "\" both mean "
                                        + into.target());
                    }
                    places[into.part()] = new Piece(tensor.name(), tensor.shape(), into.how());
                }
            }
        }
        return compare(network, head, fit, prefix, pieces, leftOver, aside);
    }

    private static String name(Piece[] places) {
        for (Piece place : places) {
            if (place != null) {
                return place.name;
            }
        }
        return "";
    }

    private Plan compare(
            Module network,
            String head,
            Fit fit,
            String prefix,
            Map<String, Piece[]> pieces,
            List<String> leftOver,
            Map<String, Integer> aside) {
        Map<String, WeightLayout> layouts = network.fileLayouts();
        List<String> matched = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        List<String> mismatched = new ArrayList<>();
        List<String> newHead = new ArrayList<>();
        List<String> resizedTexts = new ArrayList<>();
        Set<String> resized = new LinkedHashSet<>();
        Map<String, Piece[]> used = new LinkedHashMap<>();
        network.stateDict().forEach((name, tensor) -> {
            boolean ofHead = name.startsWith(head + ".");
            Piece[] found = pieces.get(name);
            if (found == null || Arrays.asList(found).contains(null)) {
                if (ofHead && fit == Fit.NEW_HEAD) {
                    newHead.add(name + " (not in the file)");
                } else {
                    missing.add(name);
                }
                return;
            }
            long[] needed = tensor.shape();
            long[] inFile = joined(found);
            long[] given = inFile == null ? null : layouts.get(name).memoryShape(inFile);
            if (given != null && Arrays.equals(given, needed)) {
                matched.add(name);
                used.put(name, found);
            } else if (given != null && isPositions(name) && PositionResize.fits(given, needed)) {
                matched.add(name);
                used.put(name, found);
                resized.add(name);
                resizedTexts.add(name + " from " + PositionResize.describe(given[1], needed[1]));
            } else if (given != null && ofHead && fit != Fit.EXACT && differsInClassesOnly(given, needed)) {
                newHead.add(name + " (" + given[0] + " classes in the file, " + needed[0] + " here)");
            } else {
                mismatched.add(name + " (" + Arrays.toString(given == null ? found[0].shape : given) + " given, "
                        + Arrays.toString(needed) + " needed)");
            }
        });
        WeightsReport report = new WeightsReport(
                source.format(), prefix, matched, missing, leftOver, mismatched, newHead, resizedTexts, aside);
        return new Plan(used, resized, report);
    }

    private static boolean isPositions(String name) {
        return name.equals(POSITIONS) || name.endsWith("." + POSITIONS);
    }

    private static boolean differsInClassesOnly(long[] given, long[] needed) {
        return given.length == needed.length
                && given.length > 0
                && Arrays.equals(given, 1, given.length, needed, 1, needed.length);
    }

    // The shape in PyTorch's layout of parts one behind the other, or null where they do not fit together.
    private static long[] joined(Piece[] pieces) {
        long[] whole = null;
        for (Piece piece : pieces) {
            if (!piece.how.takes(piece.shape)) {
                return null;
            }
            long[] shape = piece.how.shape(piece.shape);
            if (whole == null) {
                whole = shape.clone();
            } else if (!differsInClassesOnly(shape, whole)) {
                return null;
            } else {
                whole[0] += shape[0];
            }
        }
        return whole;
    }

    /** The beginning of names below which most of the network's tensors are; of equally good ones the shortest. */
    private String prefix(NameMapping mapping, Set<String> names) throws TensorFileException {
        Map<String, Set<String>> found = new LinkedHashMap<>();
        for (String name : names) {
            String plain = NameMapping.plain(name);
            for (int end = 0; end >= 0; end = next(plain, end)) {
                if (mapping.destination(plain.substring(end)).orElse(null) instanceof Destination.Into into) {
                    found.computeIfAbsent(plain.substring(0, end), _ -> new LinkedHashSet<>())
                            .add(into.target() + into.part());
                }
            }
        }
        String best = null;
        for (Map.Entry<String, Set<String>> candidate : found.entrySet()) {
            int difference = best == null
                    ? 1
                    : candidate.getValue().size() - found.get(best).size();
            if (difference > 0 || (difference == 0 && candidate.getKey().length() < best.length())) {
                best = candidate.getKey();
            }
        }
        if (best == null) {
            List<String> some = names.stream().limit(5).toList();
            throw new TensorFileException(
                    path,
                    "none of its " + names.size() + " tensors has a name that the network knows; they are called "
                            + String.join(", ", some) + (names.size() > some.size() ? ", ..." : ""));
        }
        return best;
    }

    private static int next(String name, int from) {
        int dot = name.indexOf('.', from);
        return dot < 0 ? -1 : dot + 1;
    }

    // Networks of others may not say; the logits come out of their last linear layer.
    private static String head(Module network) {
        if (network instanceof Headed headed) {
            return headed.head();
        }
        String last = "";
        for (Map.Entry<String, Module> module : network.namedModules().entrySet()) {
            if (module.getValue() instanceof Linear) {
                last = module.getKey();
            }
        }
        return last;
    }

    // ----------------------------------------------------------------------------------------------------- export

    /**
     * Writes a network's state as a safetensors file with PyTorch's names and layouts and everything that
     * {@code load_state_dict(strict=True)} asks for: also the {@code num_batches_tracked} of batch norms, as 0.
     *
     * @param metadata texts for the reader
     */
    public static void save(Module network, Path path, Map<String, String> metadata) throws IOException {
        try (var _ = TensorScope.open()) {
            Map<String, Tensor> state = WeightsFile.toFile(network);
            network.namedModules().forEach((name, module) -> {
                if (module instanceof BatchNorm2d) {
                    state.put(
                            (name.isEmpty() ? "" : name + ".") + "num_batches_tracked",
                            Tensor.of(new long[1], 1).reshape());
                }
            });
            Safetensors.write(path, state, metadata);
        }
    }
}
