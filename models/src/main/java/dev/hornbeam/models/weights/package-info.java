/** Pretrained weights: which tensor of a file of others belongs where in a network of the catalog, and weights for others. */
package dev.hornbeam.models.weights;
