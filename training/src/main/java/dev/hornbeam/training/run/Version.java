package dev.hornbeam.training.run;

/** The version of Hornbeam, as in its poms. */
public final class Version {
    /** The version of this build. */
    public static final String CURRENT = "0.1.0-SNAPSHOT";

    private Version() {}
}
