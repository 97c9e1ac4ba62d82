package dev.hornbeam.training.corruption;

import dev.hornbeam.training.NearestNames;
import dev.hornbeam.training.UserError;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;

/** All corruptions that there are, by name, and the published groups of them. */
public final class Corruptions {
    /** The lowest severity. */
    public static final int MILDEST = 1;

    /** The highest severity. */
    public static final int STRONGEST = 5;

    private static final List<String> COMMON = List.of(
            "gaussian_noise",
            "shot_noise",
            "impulse_noise",
            "defocus_blur",
            "glass_blur",
            "motion_blur",
            "zoom_blur",
            "snow",
            "frost",
            "fog",
            "brightness",
            "contrast",
            "elastic_transform",
            "pixelate",
            "jpeg_compression");
    private static final List<String> EXTRA = List.of("speckle_noise", "gaussian_blur", "spatter", "saturate");
    private static final List<String> BAR = List.of(
            "blue_noise_sample",
            "brownish_noise",
            "caustic_refraction",
            "checkerboard_cutout",
            "cocentric_sine_waves",
            "inverse_sparkles",
            "perlin_noise",
            "plasma_noise",
            "single_frequency_greyscale",
            "sparkles");
    private static final List<String> QUICK =
            List.of("gaussian_noise", "shot_noise", "gaussian_blur", "contrast", "brightness", "pixelate");

    // The place of a name here keys its random draws: names may be added at the end, never moved.
    private static final List<String> NUMBERED = concat(COMMON, EXTRA, BAR);

    private static final Map<String, Corruption> EXISTING = byName(
            new GaussianNoise(),
            new ShotNoise(),
            new ImpulseNoise(),
            new DefocusBlur(),
            new GlassBlur(),
            new MotionBlur(),
            new ZoomBlur(),
            new Snow(),
            new Frost(FrostTextures.drawn()),
            new Fog(),
            new Brightness(),
            new Contrast(),
            new ElasticTransform(),
            new Pixelate(),
            new JpegCompression(),
            new SpeckleNoise(),
            new GaussianBlur(),
            new Spatter(),
            new Saturate(),
            new BlueNoiseSample(),
            new BrownishNoise(),
            new CausticRefraction(),
            new CheckerboardCutout(),
            new CocentricSineWaves(),
            new InverseSparkles(),
            new PerlinNoise(),
            new PlasmaNoise(),
            new SingleFrequencyGreyscale(),
            new Sparkles());

    private static final Map<String, List<String>> SETS = sets();

    private Corruptions() {}

    /**
     * Returns the corruption called {@code name}.
     *
     * @throws UserError if there is none; the message has the near names
     */
    public static Corruption named(String name) {
        Corruption corruption = EXISTING.get(name);
        if (corruption == null) {
            throw unknown("corruption", name, EXISTING.keySet());
        }
        return corruption;
    }

    /** Returns all corruptions, in the published order. */
    public static List<Corruption> all() {
        return List.copyOf(EXISTING.values());
    }

    /** Returns the names that {@link #set} knows: common, extra, all19, bar, quick, all. */
    public static List<String> setNames() {
        return List.copyOf(SETS.keySet());
    }

    /**
     * Returns the corruptions of a group, in the published order: {@code common} (the benchmark's 15), {@code extra}
     * (its 4 for validation), {@code all19} (both), {@code bar} (C-bar's 10), {@code quick} (six cheap ones), {@code
     * all}.
     *
     * @throws UserError if there is no such group
     */
    public static List<Corruption> set(String name) {
        List<String> members = SETS.get(name);
        if (members == null) {
            throw unknown("set of corruptions", name, SETS.keySet());
        }
        return members.stream().map(EXISTING::get).toList();
    }

    /**
     * Returns the corruptions that a list of names and group names stands for, each once, in the order of the list.
     *
     * @throws UserError if one of them is neither
     */
    public static List<Corruption> select(List<String> names) {
        LinkedHashSet<Corruption> selected = new LinkedHashSet<>();
        for (String name : names) {
            if (SETS.containsKey(name)) {
                selected.addAll(set(name));
            } else if (EXISTING.containsKey(name)) {
                selected.add(named(name));
            } else {
                throw unknown(
                        "corruption or set of corruptions", name, concat(setNames(), List.copyOf(EXISTING.keySet())));
            }
        }
        return List.copyOf(selected);
    }

    /**
     * Returns the corruptions with {@code frost}, where it is among them, made from textures of the user's.
     *
     * @param textures a folder of photographs of frost, PNG or JPEG, in its order by name
     * @throws UserError if there is no picture in it, or one that cannot be read
     */
    public static List<Corruption> withFrostTextures(List<Corruption> corruptions, Path textures) {
        List<Corruption> changed = new ArrayList<>(corruptions);
        changed.replaceAll(
                corruption -> corruption instanceof Frost ? new Frost(FrostTextures.of(textures)) : corruption);
        return List.copyOf(changed);
    }

    private static UserError unknown(String what, String name, Collection<String> known) {
        return new UserError("unknown " + what + " '" + name + "'; known: " + String.join(", ", known)
                + NearestNames.didYouMean(name, known));
    }

    /** Returns the number that keys a corruption's draws: its place among the 15, the 4 and the 10, from 0. */
    static int number(Corruption corruption) {
        return NUMBERED.indexOf(corruption.name());
    }

    /**
     * Checks a severity given by the user.
     *
     * @throws UserError if it is not in 1..5
     */
    public static void checkSeverity(int severity) {
        if (severity < MILDEST || severity > STRONGEST) {
            throw new UserError(
                    "severity " + severity + "; expected " + MILDEST + " (mild) to " + STRONGEST + " (strong)");
        }
    }

    @SafeVarargs
    private static List<String> concat(List<String>... lists) {
        List<String> all = new ArrayList<>();
        for (List<String> list : lists) {
            all.addAll(list);
        }
        return List.copyOf(all);
    }

    private static Map<String, Corruption> byName(Corruption... corruptions) {
        Map<String, Corruption> byName = new LinkedHashMap<>();
        for (String name : NUMBERED) {
            for (Corruption corruption : corruptions) {
                if (corruption.name().equals(name)) {
                    byName.put(name, corruption);
                }
            }
        }
        return byName;
    }

    private static Map<String, List<String>> sets() {
        Map<String, List<String>> sets = new LinkedHashMap<>();
        sets.put("common", COMMON);
        sets.put("extra", EXTRA);
        sets.put("all19", concat(COMMON, EXTRA));
        sets.put("bar", BAR);
        sets.put("quick", QUICK);
        sets.put("all", NUMBERED);
        return sets;
    }
}
