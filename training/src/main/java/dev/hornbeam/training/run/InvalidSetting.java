package dev.hornbeam.training.run;

/** Thrown by a configuration record whose values are legal one by one but not together. */
final class InvalidSetting extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    private final String key;
    private final String problem;

    /**
     * Creates the error.
     *
     * @param key the offending key, relative to the section that throws, as in {@code data.batch}
     * @param problem the rest of the sentence that starts with the key
     */
    InvalidSetting(String key, String problem) {
        super(key + " " + problem);
        this.key = key;
        this.problem = problem;
    }

    /** The offending key, relative to the section that threw. */
    String key() {
        return key;
    }

    /** The rest of the sentence that starts with the key. */
    String problem() {
        return problem;
    }
}
