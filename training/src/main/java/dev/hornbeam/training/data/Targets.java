package dev.hornbeam.training.data;

import dev.hornbeam.training.UserError;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Numbers to predict for each image of a set: one row per image, in the order in which the set was read.
 *
 * <p>Rows are finite. Immutable.
 */
public final class Targets {
    private final List<String> names;
    private final float[] values;

    private Targets(List<String> names, float[] values) {
        this.names = names;
        this.values = values;
    }

    /**
     * Makes targets of these rows.
     *
     * @param names of the columns, at least one
     * @param values row after row; copied
     * @throws UserError if there is no column, the count does not fit or a value is not finite
     */
    public static Targets of(List<String> names, float[] values) {
        if (names.isEmpty() || values.length % names.size() != 0) {
            throw new UserError(values.length + " regression targets in rows of " + names.size()
                    + "; expected at least one column, and whole rows");
        }
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i])) {
                throw new UserError("regression target " + names.get(i % names.size()) + " of image " + i / names.size()
                        + " is " + values[i] + "; expected a finite number");
            }
        }
        return new Targets(List.copyOf(names), values.clone());
    }

    /** Makes targets of these rows, whose columns are named 0, 1, 2... */
    public static Targets of(int columns, float[] values) {
        return of(IntStream.range(0, columns).mapToObj(Integer::toString).toList(), values);
    }

    /** Returns the rows of the images of several sets, in their order. */
    static Targets concatenated(List<ImageSet> sets) {
        Targets first = sets.getFirst().targets().orElseThrow();
        float[] values = new float[sets.stream().mapToInt(ImageSet::size).sum() * first.length()];
        int at = 0;
        for (ImageSet set : sets) {
            Targets own = set.targets().orElseThrow();
            if (!own.names.equals(first.names)) {
                throw new UserError("targets " + first.names + " and " + own.names + " cannot be put together");
            }
            for (int i = 0; i < set.size(); i++, at += first.length()) {
                own.copyRow(set.originalIndex(i), values, at);
            }
        }
        return new Targets(first.names, values);
    }

    /** Returns how many images there are rows for. */
    public int count() {
        return values.length / names.size();
    }

    /** Returns how many numbers each image has. */
    public int length() {
        return names.size();
    }

    /** Returns the names of the columns. */
    public List<String> names() {
        return names;
    }

    /** Returns the row of the image with that original index. */
    public float[] row(int original) {
        return Arrays.copyOfRange(values, original * length(), (original + 1) * length());
    }

    /** Copies the row of the image with that original index to {@code into}, beginning at {@code at}. */
    public void copyRow(int original, float[] into, int at) {
        System.arraycopy(values, original * length(), into, at, length());
    }

    /** Returns a copy of all rows. */
    public float[] values() {
        return values.clone();
    }

    void update(MessageDigest digest, int original) {
        ByteBuffer row = ByteBuffer.allocate(4 * length());
        for (int i = 0; i < length(); i++) {
            row.putFloat(values[original * length() + i]);
        }
        digest.update(row.flip());
    }
}
