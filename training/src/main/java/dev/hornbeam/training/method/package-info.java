/**
 * Robust training as composition: a step is a choice on each of four axes.
 *
 * <p>{@link dev.hornbeam.training.method.Objective} says how losses of images become one number,
 * {@link dev.hornbeam.training.method.WeightPerturbation} where in weight space the gradient is taken,
 * {@link dev.hornbeam.training.method.InputPerturbation} what happens to the images, and
 * {@link dev.hornbeam.training.method.Projection} what happens to the weights after an update. The published methods
 * are points in that space; any other point is as good a run.
 */
package dev.hornbeam.training.method;
