package dev.hornbeam.training.prediction;

/**
 * One class that an image may show, and how probable the network takes that to be.
 *
 * @param className name of the class; its index as text where the network's classes have no names
 * @param index of the class, from 0
 * @param probability in [0, 1]: the softmax of the network's outputs; over all classes they sum to 1
 */
public record Prediction(String className, int index, double probability) {}
