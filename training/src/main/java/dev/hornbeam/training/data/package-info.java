/** Sets of labelled images: finding and reading them, preparing them, delivering them in batches. */
package dev.hornbeam.training.data;
