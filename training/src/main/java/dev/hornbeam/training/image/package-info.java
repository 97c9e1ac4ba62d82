/** Image files: decoding, orientation, colours, and scaling to the size that a network reads. */
package dev.hornbeam.training.image;
