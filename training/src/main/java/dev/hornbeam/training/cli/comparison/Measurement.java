package dev.hornbeam.training.cli.comparison;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * What one run of a program gave.
 *
 * @param result what it printed
 * @param residentPeakBytes most memory that it had in main memory at one time, as the system counts it; 0 if unknown
 */
public record Measurement(JsonNode result, long residentPeakBytes) {
    /** Its median step or pass. */
    public double millis() {
        return result.at("/step_ms/median").asDouble();
    }

    /** Images in a batch. */
    public int batch() {
        return result.path("batch").asInt();
    }
}
