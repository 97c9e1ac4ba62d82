/** Noise in the labels, the images and the targets of a data set, and mixtures of severities. */
package dev.hornbeam.training.noise;
