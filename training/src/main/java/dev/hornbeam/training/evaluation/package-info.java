/** What a trained network gets right, on clean and on corrupted images. */
package dev.hornbeam.training.evaluation;
