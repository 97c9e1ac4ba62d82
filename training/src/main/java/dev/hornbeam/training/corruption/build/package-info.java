/** Sets of corrupted images on disk: built in the published layouts, checked, and read back. */
package dev.hornbeam.training.corruption.build;
