package dev.hornbeam.training.run;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.UserFile;
import dev.hornbeam.training.evaluation.CorruptionErrors;
import java.nio.file.Path;

/**
 * The final results of a run and where they come from, {@code summary.json}.
 *
 * @param name name of the run
 * @param results what came out
 * @param provenance where the results come from
 */
public record RunSummary(String name, RunResults results, Provenance provenance) {
    private static final JsonMapper JSON = new JsonMapper();

    /** The summary as a JSON object; results that are not finite are null. */
    public String toJson() {
        ObjectNode root = JSON.createObjectNode().put("name", name);
        ObjectNode resultsNode = root.putObject("results");
        results.numbers().forEach((key, value) -> {
            if (Double.isFinite(value)) {
                resultsNode.put(key, value);
            } else {
                resultsNode.putNull(key);
            }
        });
        results.corruptions().ifPresent(table -> putCorruptions(root, table));
        putProvenance(root.putObject("provenance"));
        return root.toPrettyString() + "\n";
    }

    /**
     * Writes the summary to {@code file}.
     *
     * @throws UserError if the file cannot be written
     */
    public void write(Path file) {
        UserFile.writeText(file, toJson());
    }

    private static void putCorruptions(ObjectNode root, CorruptionErrors table) {
        ObjectNode node = root.putObject("corruption_errors");
        table.severities().forEach(node.putArray("severities")::add);
        ObjectNode rows = node.putObject("errors");
        table.errors().forEach((corruption, row) -> row.forEach(rows.withArray(corruption)::add));
    }

    private void putProvenance(ObjectNode node) {
        node.put("version", provenance.version());
        node.put("revision", provenance.revision().orElse(null));
        provenance.command().forEach(node.putArray("command")::add);
        node.put("seed", provenance.seed());
        node.put("device", provenance.device());
        node.put("tier", provenance.tier());
        node.put("threads", provenance.threads());
        ObjectNode sums = node.putObject("data_sha256");
        provenance.dataSha256().forEach(sums::put);
        node.put("cpu", provenance.cpu());
        node.put("os", provenance.os());
        node.put("java", provenance.java());
        node.put("started", provenance.started().toString());
        node.put("seconds", provenance.seconds());
    }
}
