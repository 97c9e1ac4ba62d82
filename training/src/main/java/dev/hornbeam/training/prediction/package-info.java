/** Trained networks in use: from an image, or a folder of them, to classes and probabilities. */
package dev.hornbeam.training.prediction;
