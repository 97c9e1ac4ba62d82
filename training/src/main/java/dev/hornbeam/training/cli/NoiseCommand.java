package dev.hornbeam.training.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.DataSetCatalog;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.noise.NoiseSummary;
import dev.hornbeam.training.noise.NoisySet;
import dev.hornbeam.training.run.DataConfig;
import dev.hornbeam.training.run.NoiseConfig;
import dev.hornbeam.training.run.Progress;
import dev.hornbeam.training.run.Recipes;
import dev.hornbeam.training.run.RunConfig;
import dev.hornbeam.training.run.SeverityMixture;
import dev.hornbeam.training.run.SpoiledImages;
import dev.hornbeam.training.run.TrainingParts;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code hornbeam noise}: the noise of a recipe on a data set, as files and as a table, without training. */
@Command(
        name = "noise",
        description = {
            "Puts noise on the training part of a data set and writes it as files, without training.",
            "Kinds: symmetric-inclusive, symmetric-exclusive, pairflip, asymmetric, transition, class-rates, image-rates, "
                    + "class-probabilities, instance-dependent, least-sure, most-likely-wrong, predicted, fixed-class (labels); "
                    + "gaussian, random-pixels, shuffled-pixels (images); file. Their settings are the keys below \"noise\" "
                    + "of \"hornbeam recipes keys\".",
            "A run takes the files with --set noise.kind=file --set noise.path=DIR."
        })
final class NoiseCommand implements Callable<Integer> {
    // What a kind needs beside its own settings: a network, for the kinds that train one.
    private static final String BASE = "quickstart/sgd";
    private static final int MOST_CLASSES = 20;
    private static final int MOST_PAIRS = 20;

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--recipe",
            paramLabel = "NAME|FILE",
            description = "Take data set, noise and mixture from this recipe; without it give --dataset and --kind.")
    private String recipe;

    @Option(names = "--dataset", paramLabel = "NAME|FILE", description = "Data set whose training part gets the noise.")
    private String dataset;

    @Option(names = "--data", paramLabel = "DIR", description = "Folder the data set lies in.")
    private Path folder;

    @Option(names = "--kind", paramLabel = "KIND", description = "Kind of noise; short for --set noise.kind=KIND.")
    private String kind;

    @Option(
            names = "--rate",
            paramLabel = "R",
            description = "Share of the labels or images, 0 to 1; short for --set noise.rate=R.")
    private String rate;

    @Option(names = "--seed", paramLabel = "S", description = "Seed of the noise; short for --set noise.seed=S.")
    private Long seed;

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "Change a setting, as in --set noise.choice=exact-count; may be repeated.")
    private Map<String, String> overrides = new LinkedHashMap<>();

    @Option(names = "--out", paramLabel = "DIR", description = "Folder for the files; without it none are written.")
    private Path out;

    @Option(names = "--json", description = "Print JSON, and no progress.")
    private boolean json;

    @Override
    @SuppressWarnings("ClosingStandardOutputStreams") // Progress leaves the stream open.
    public Integer call() {
        RunConfig config = config();
        boolean mixed = !config.data().photonLimited().isNone();
        if (config.noise() instanceof NoiseConfig.None && !mixed) {
            throw new ParameterException(
                    spec.commandLine(), "say which noise with --kind, or with a --recipe that has some");
        }
        if (out != null && Files.exists(out) && !Files.isDirectory(out)) {
            throw new UserError("--out " + out + " is a file; name a folder");
        }
        Engine.setThreads(config.threads());
        DataConfig data = config.data();
        ImageSet train = DataSetCatalog.of(data.folder().map(Path::of).orElse(null), System.getenv())
                .load(data.name())
                .train();
        ImageSet clean = data.trainSubset() == 0 ? train : train.first(data.trainSubset());
        try (Progress progress = json ? Progress.silent() : Progress.create(Progress.Mode.AUTO, System.err)) {
            SpoiledImages spoiled = SpoiledImages.of(
                    config, clean, TrainingParts.devices(config.device()).getFirst(), progress);
            if (out != null) {
                spoiled.write(out, out);
            }
            print(spoiled);
        }
        return 0;
    }

    private RunConfig config() {
        if (recipe == null && dataset == null) {
            throw new ParameterException(
                    spec.commandLine(), "name a data set with --dataset, or a recipe with --recipe");
        }
        Map<String, String> all = new LinkedHashMap<>(overrides);
        putIfGiven(all, "data.name", quoted(dataset));
        putIfGiven(all, "data.folder", quoted(folder));
        putIfGiven(all, "noise.kind", kind);
        putIfGiven(all, "noise.rate", rate);
        putIfGiven(all, "noise.seed", seed);
        return Recipes.load(recipe == null ? BASE : recipe, all);
    }

    private static void putIfGiven(Map<String, String> all, String key, Object value) {
        if (value != null) {
            all.put(key, value.toString());
        }
    }

    // As YAML, so that a path is a text whatever is in it.
    private static String quoted(Object text) {
        return text == null ? null : "'" + text.toString().replace("'", "''") + "'";
    }

    private void print(SpoiledImages spoiled) {
        PrintWriter console = spec.commandLine().getOut();
        if (json) {
            console.println(toJson(spoiled).toPrettyString());
            return;
        }
        spoiled.lines().forEach(console::println);
        spoiled.noise().map(NoisySet::summary).ifPresent(summary -> {
            if (summary.wrongLabels() > 0) {
                console.println();
                console.print(summary.classNames().size() <= MOST_CLASSES ? matrix(summary) : pairs(summary));
            }
        });
        if (out != null) {
            console.println("files: " + out);
        }
        console.flush();
    }

    private ObjectNode toJson(SpoiledImages spoiled) {
        JsonMapper mapper = new JsonMapper();
        ObjectNode root = mapper.createObjectNode();
        root.put("data", spoiled.train().name()).put("images", spoiled.train().size());
        root.put("checksum", spoiled.train().checksum());
        spoiled.noise().ifPresent(set -> {
            try {
                root.set("noise", mapper.readTree(set.summary().toJson()));
            } catch (JsonProcessingException e) {
                throw new AssertionError("a summary writes itself as JSON", e);
            }
        });
        spoiled.mixture().ifPresent(mixture -> putMixture(root.putObject("photon_limited"), mixture));
        if (out != null) {
            root.put("out", out.toString());
        }
        return root;
    }

    private static void putMixture(ObjectNode node, SeverityMixture mixture) {
        node.put("corruption", mixture.corruption().name());
        ArrayNode counts = node.putArray("images");
        for (int s = 0; s <= mixture.division().severities(); s++) {
            counts.add(mixture.division().positions(s).length);
        }
        node.put("validation", mixture.division().validation().size());
    }

    private static String matrix(NoiseSummary summary) {
        TextTable table = new TextTable(1);
        List<Object> head = new ArrayList<>(List.of("right \\ given"));
        for (int c = 0; c < summary.classNames().size(); c++) {
            head.add(c);
        }
        table.row(head.toArray());
        for (int k = 0; k < summary.labels().size(); k++) {
            List<Object> row = new ArrayList<>(List.of(label(summary, k)));
            row.addAll(summary.labels().get(k));
            table.row(row.toArray());
        }
        return table.toString();
    }

    private record Pair(int right, int given, int images) {}

    private static String pairs(NoiseSummary summary) {
        List<Pair> pairs = new ArrayList<>();
        for (int k = 0; k < summary.labels().size(); k++) {
            for (int j = 0; j < summary.labels().get(k).size(); j++) {
                if (j != k && summary.labels().get(k).get(j) > 0) {
                    pairs.add(new Pair(k, j, summary.labels().get(k).get(j)));
                }
            }
        }
        pairs.sort(Comparator.comparingInt(Pair::images).reversed());
        TextTable table = new TextTable(2);
        table.row("right", "given", "images");
        pairs.stream()
                .limit(MOST_PAIRS)
                .forEach(pair -> table.row(label(summary, pair.right()), label(summary, pair.given()), pair.images()));
        int more = pairs.size() - MOST_PAIRS;
        return table + (more > 0 ? String.format(Locale.ROOT, "and %,d more kinds of mistakes%n", more) : "");
    }

    private static String label(NoiseSummary summary, int index) {
        String name = summary.classNames().get(index);
        return name.equals(Integer.toString(index)) ? name : index + " " + name;
    }
}
