package dev.hornbeam.training.evaluation;

import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.corruption.Corruptions;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Says in a few words which published group of corruptions a mean is over. */
final class CorruptionSets {
    private static final List<List<String>> GROUPS = List.of(
            List.of("quick"),
            List.of("common"),
            List.of("common", "extra"),
            List.of("common", "bar"),
            List.of("common", "extra", "bar"),
            List.of("extra"),
            List.of("bar"));

    private CorruptionSets() {}

    /** As in {@code 19 corruptions (common + extra)}, or with the names where they are no published group. */
    static String describe(Collection<String> names) {
        Set<String> wanted = new HashSet<>(names);
        String count = names.size() + (names.size() == 1 ? " corruption" : " corruptions");
        for (List<String> group : GROUPS) {
            Set<String> members = new HashSet<>();
            group.forEach(
                    name -> Corruptions.set(name).stream().map(Corruption::name).forEach(members::add));
            if (members.equals(wanted)) {
                return count + " (" + String.join(" + ", group) + ")";
            }
        }
        return count + " (" + String.join(", ", names) + ")";
    }
}
