package dev.hornbeam.training.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.run.Version;
import java.io.PrintWriter;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code hornbeam info}: what this program and this machine are. */
@Command(name = "info", description = "Shows versions, devices, instruction tiers and models.")
final class InfoCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Override
    public void run() {
        PrintWriter out = spec.commandLine().getOut();
        ObjectNode facts = facts();
        if (json) {
            out.println(facts.toPrettyString());
            return;
        }
        facts.properties().forEach(fact -> out.println(fact.getKey() + ": " + text(fact.getValue())));
    }

    private static ObjectNode facts() {
        JsonMapper mapper = new JsonMapper();
        ObjectNode facts = mapper.createObjectNode();
        facts.put("hornbeam", Version.CURRENT);
        facts.put("java", Runtime.version().toString());
        try {
            mapper.readTree(Engine.info()).properties().forEach(fact -> facts.set(fact.getKey(), fact.getValue()));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("the engine's description is no JSON: " + Engine.info(), e);
        }
        facts.put("library", Engine.library().toString());
        facts.put("cuda", Engine.whyUnavailable(Device.cuda(0)).orElse("available"));
        ModelCatalog.names().forEach(facts.putArray("models")::add);
        return facts;
    }

    private static String text(JsonNode value) {
        if (!value.isArray()) {
            return value.asText();
        }
        StringBuilder text = new StringBuilder();
        value.forEach(element -> text.append(text.isEmpty() ? "" : ", ").append(element.asText()));
        return text.toString();
    }
}
