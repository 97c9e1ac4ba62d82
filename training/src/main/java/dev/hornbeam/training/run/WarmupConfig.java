package dev.hornbeam.training.run;

/** A straight rise of the learning rate at the start of a run; its length is in epochs or in steps. */
public record WarmupConfig(
        @Setting(doc = "length in epochs, fractions allowed", def = "0", range = "[0, inf)")
        double epochs,

        @Setting(doc = "length in steps, instead of epochs", def = "0", range = "[0, 2147483647]")
        int steps,

        @Setting(doc = "learning rate of the first step", def = "0", range = "[0, inf)")
        double from) {

    /** Checks that the length is given once. */
    public WarmupConfig {
        if (epochs > 0 && steps > 0) {
            throw new InvalidSetting("steps", "is " + steps + " beside epochs " + epochs + "; give one of the two");
        }
    }
}
