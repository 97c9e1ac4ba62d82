/** Corruptions of test images: how they are made, and whole sets of corrupted images. */
package dev.hornbeam.training.corruption;
