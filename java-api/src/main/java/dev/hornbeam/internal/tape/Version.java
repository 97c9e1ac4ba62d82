package dev.hornbeam.internal.tape;

/** Counts the changes in place of a tensor's memory; shared by the tensor and its views. */
public final class Version {
    private int changes;

    /** Changes so far. */
    public int changes() {
        return changes;
    }

    /** Tells of one more. */
    public void change() {
        changes++;
    }
}
