/** Noise in the labels of a data set. */
package dev.hornbeam.training.noise;
