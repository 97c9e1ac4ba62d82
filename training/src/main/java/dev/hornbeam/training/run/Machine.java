package dev.hornbeam.training.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.tensor.Engine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What a measurement was made on, as every table of measurements says it.
 *
 * @param cpu its name
 * @param cpus processors that this program may use
 * @param memoryBytes main memory; 0 where that is unknown
 * @param system name and release of the operating system
 * @param java version of the Java machine
 * @param hornbeam version of this program
 * @param tier instructions that the engine uses
 * @param threads of the engine
 * @param date when it was asked, in UTC, to the minute
 */
public record Machine(
        String cpu,
        int cpus,
        long memoryBytes,
        String system,
        String java,
        String hornbeam,
        String tier,
        int threads,
        String date) {

    /** This one, now. */
    public static Machine here() {
        JsonNode engine;
        try {
            engine = new JsonMapper().readTree(Engine.info());
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("the engine's description is no JSON: " + Engine.info(), e);
        }
        return new Machine(
                engine.path("cpu").asText(),
                engine.path("cpus").asInt(),
                memory(),
                System.getProperty("os.name") + " " + System.getProperty("os.version"),
                Runtime.version().toString(),
                Version.CURRENT,
                Engine.tier(),
                Engine.threads(),
                DateTimeFormatter.ISO_OFFSET_DATE_TIME.format(
                        ZonedDateTime.now(ZoneOffset.UTC).truncatedTo(ChronoUnit.MINUTES)));
    }

    private static long memory() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/meminfo"))) {
                if (line.startsWith("MemTotal:")) {
                    return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
                }
            }
        } catch (IOException e) {
            // Another system, which keeps it elsewhere.
        }
        return 0;
    }

    /** One line for people. */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%s, %d CPUs, %.0f GB, %s; Hornbeam %s, tier %s, %d threads, Java %s; %s",
                cpu,
                cpus,
                memoryBytes * 1e-9,
                system,
                hornbeam,
                tier,
                threads,
                java,
                date);
    }

    /** The same as data, in the order of JSON files. */
    public Map<String, Object> facts() {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("cpu", cpu);
        facts.put("cpus", cpus);
        facts.put("memory_bytes", memoryBytes);
        facts.put("system", system);
        facts.put("java", java);
        facts.put("hornbeam", hornbeam);
        facts.put("tier", tier);
        facts.put("threads", threads);
        facts.put("date", date);
        return facts;
    }
}
