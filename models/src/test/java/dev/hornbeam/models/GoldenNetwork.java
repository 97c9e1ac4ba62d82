package dev.hornbeam.models;

import dev.hornbeam.io.Safetensors;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.WeightLayout;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A file that testdata/python/golden_networks.py has written: what PyTorch computes for one network whose weights and input
 * both sides draw from Philox.
 */
final class GoldenNetwork implements AutoCloseable {
    private static final int INPUT = 10_000;

    /** A tensor of the state dict, in PyTorch's layout, and what its elements are: centre + scale · uniform in [-1, 1). */
    @SuppressWarnings("ArrayRecordComponent") // Never compared.
    record Drawn(String name, long[] shape, double centre, double scale) {
        boolean isStatistic() {
            return name.contains("running_");
        }
    }

    private final Safetensors file;
    private final Map<String, String> facts;
    private final List<Drawn> tensors = new ArrayList<>();
    private final Map<String, Double> factors = new LinkedHashMap<>();

    private GoldenNetwork(Safetensors file) {
        this.file = file;
        this.facts = file.metadata();
        for (String line : facts.get("tensors").split("\n", -1)) {
            String[] parts = line.split(" ", -1);
            tensors.add(
                    new Drawn(parts[0], sizes(parts[1]), Double.parseDouble(parts[2]), Double.parseDouble(parts[3])));
        }
        for (String line : facts.get("factors").split("\n", -1)) {
            String[] parts = line.split(" ", -1);
            factors.put(parts[0], Double.parseDouble(parts[1]));
        }
    }

    static GoldenNetwork open(Path path) throws IOException {
        return new GoldenNetwork(Safetensors.open(path));
    }

    /** The network of the catalog in this file's size, with this file's weights. */
    Module network(DType dtype) {
        ModelSpec spec = ModelSpec.of(integer("channels"), integer("classes")).withWidth(integer("width"));
        if (facts.containsKey("side")) {
            spec = spec.withSide(integer("side"));
        }
        Module dropping = ModelCatalog.create(facts.get("network"), spec, 1);
        boolean drops = dropping.namedModules().values().stream().anyMatch(dev.hornbeam.nn.Dropout.class::isInstance);
        dropping.close();
        Module network = ModelCatalog.create(facts.get("network"), drops ? spec.withDropRate(0) : spec, 1);
        network.to(dtype);
        Map<String, WeightLayout> layouts = network.fileLayouts();
        Map<String, Tensor> state = network.stateDict();
        if (!List.copyOf(state.keySet())
                .equals(tensors.stream().map(Drawn::name).toList())) {
            throw new AssertionError("names are " + state.keySet() + ", PyTorch's are "
                    + tensors.stream().map(Drawn::name).toList());
        }
        for (int i = 0; i < tensors.size(); i++) {
            Drawn drawn = tensors.get(i);
            try (TensorScope _ = TensorScope.open()) {
                Tensor value =
                        layouts.get(drawn.name()).fromFile(draw(i, drawn.shape(), drawn.centre(), drawn.scale()));
                if (!Arrays.equals(value.shape(), state.get(drawn.name()).shape())) {
                    throw new AssertionError(drawn.name() + " is " + Arrays.toString(value.shape()) + " in PyTorch, "
                            + Arrays.toString(state.get(drawn.name()).shape()) + " here");
                }
                state.get(drawn.name()).detach().copyFrom(value);
            }
        }
        return network;
    }

    /** The batch, NHWC. */
    Tensor input(DType dtype) {
        return draw(INPUT, sizes(facts.get("input")), 0, 2)
                .permute(0, 2, 3, 1)
                .dense()
                .cast(dtype)
                .detach();
    }

    private Tensor draw(int number, long[] shape, double centre, double scale) {
        Philox words = new Philox(seed(), Purpose.TEST, number, 0, 0);
        long count = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        float[] elements = new float[(int) count];
        for (int e = 0; e < elements.length; e++) {
            elements[e] = (float) (centre + scale * ((words.word(e) >>> 8) * 0x1p-23 - 1));
        }
        return Tensor.of(elements, shape);
    }

    /** A stored tensor. */
    double[] expected(String name) throws IOException {
        try (TensorScope _ = TensorScope.open()) {
            return file.read(name).toDoubles();
        }
    }

    Tensor targets() throws IOException {
        return file.read("targets");
    }

    double number(String fact) {
        return Double.parseDouble(facts.get(fact));
    }

    private int integer(String fact) {
        return Integer.parseInt(facts.get(fact));
    }

    private long seed() {
        return Long.parseLong(facts.get("seed"));
    }

    /**
     * Compares a whole tensor with the stored one. Returns the largest difference over the allowed one, by the rule that
     * golden_networks.py states.
     */
    double share(String name, DType dtype, double[] got) throws IOException {
        double[] wanted = expected(name);
        double largest = Arrays.stream(wanted).map(Math::abs).max().orElseThrow();
        return share(name, wanted, got, tolerance(name, dtype) * largest);
    }

    /** The same for norms and samples of the parameters, or of the running statistics, in PyTorch's layout. */
    double sampledShare(String name, DType dtype, Map<String, Tensor> got, boolean statistics) throws IOException {
        List<Drawn> compared = new ArrayList<>();
        List<double[]> rows = new ArrayList<>();
        for (int i = 0; i < tensors.size(); i++) {
            Drawn drawn = tensors.get(i);
            if (drawn.isStatistic() == statistics) {
                compared.add(drawn);
                rows.add(norms(i, got.get(drawn.name()).toDoubles(), 8));
            }
        }
        double[] roots = compared.stream()
                .mapToDouble(t -> Math.sqrt((double) Arrays.stream(t.shape()).reduce(1, (a, b) -> a * b)))
                .toArray();
        return sampledShare(name, dtype, rows, roots);
    }

    /** The same for each image of the input's gradient, NHWC. */
    double inputShare(String name, DType dtype, Tensor got) throws IOException {
        List<double[]> rows = new ArrayList<>();
        double[] roots = new double[(int) got.size(0)];
        for (int i = 0; i < roots.length; i++) {
            double[] image = got.slice(0, i, i + 1).permute(0, 3, 1, 2).dense().toDoubles();
            roots[i] = Math.sqrt(image.length);
            rows.add(norms(INPUT + 2 + i, image, 64));
        }
        return sampledShare(name, dtype, rows, roots);
    }

    private double[] norms(int number, double[] elements, int samples) {
        Philox words = new Philox(seed(), Purpose.TEST, number, 1, 0);
        double[] row = new double[1 + samples];
        for (double element : elements) {
            row[0] += element * element;
        }
        row[0] = Math.sqrt(row[0]);
        for (int i = 0; i < samples; i++) {
            row[1 + i] = elements[words.below(i, elements.length)];
        }
        return row;
    }

    private double sampledShare(String name, DType dtype, List<double[]> rows, double[] roots) throws IOException {
        double[] wanted = expected(name);
        int width = rows.getFirst().length;
        if (wanted.length != rows.size() * width) {
            throw new AssertionError(
                    name + " has " + wanted.length / width + " rows, but " + rows.size() + " are compared");
        }
        double[] scales = new double[rows.size()];
        for (int row = 0; row < scales.length; row++) {
            scales[row] = wanted[row * width] / roots[row];
        }
        double median = Arrays.stream(scales).sorted().toArray()[scales.length / 2];
        double worst = 0;
        for (int row = 0; row < scales.length; row++) {
            double scale = tolerance(name, dtype) * Math.max(scales[row], median);
            double[] ofRow = Arrays.copyOfRange(wanted, row * width, (row + 1) * width);
            double[] got = rows.get(row);
            worst = Math.max(worst, Math.abs(got[0] - ofRow[0]) / (scale * roots[row]));
            worst = Math.max(
                    worst,
                    share(
                            name + " row " + row,
                            Arrays.copyOfRange(ofRow, 1, width),
                            Arrays.copyOfRange(got, 1, width),
                            scale));
        }
        return worst;
    }

    private static double share(String name, double[] wanted, double[] got, double bound) {
        if (wanted.length != got.length) {
            throw new AssertionError(name + " has " + wanted.length + " elements, here " + got.length);
        }
        double worst = 0;
        for (int i = 0; i < wanted.length; i++) {
            if (!Double.isFinite(got[i])) {
                return Double.POSITIVE_INFINITY;
            }
            worst = Math.max(worst, Math.abs(got[i] - wanted[i]) / bound);
        }
        return worst;
    }

    /**
     * Compares logits of a network that computes in bf16 with the stored ones. Returns the largest difference over the largest
     * stored element and over the error that a rounding to bf16 in each of the network's layers adds up to:
     * 2<sup>-8</sup> sqrt(layers).
     */
    double shareOfRounding(String name, double[] got) throws IOException {
        double[] wanted = expected(name);
        double largest = Arrays.stream(wanted).map(Math::abs).max().orElseThrow();
        return share(name, wanted, got, 0x1p-8 * Math.sqrt(number("layers")) * largest);
    }

    private double tolerance(String name, DType dtype) {
        double unit = dtype == DType.F64 ? 0x1p-53 : 0x1p-24;
        double factor = factors.get(name.substring(name.lastIndexOf('/') + 1));
        return factor * unit * Math.sqrt(number("longest_sum") * number("layers"));
    }

    private static long[] sizes(String text) {
        return Arrays.stream(text.split(",")).mapToLong(Long::parseLong).toArray();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
