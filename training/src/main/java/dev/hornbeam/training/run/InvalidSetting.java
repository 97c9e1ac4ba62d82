package dev.hornbeam.training.run;

/** Thrown by a configuration record whose values are legal one by one but not together. */
final class InvalidSetting extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String key;

    /**
     * Creates the error.
     *
     * @param key the offending key, relative to the section that throws, as in {@code data.batch}
     * @param problem the rest of the sentence that starts with the key
     */
    InvalidSetting(String key, String problem) {
        super(problem);
        this.key = key;
    }

    /** The offending key, relative to the section that threw. */
    String key() {
        return key;
    }
}
