/** Event files that TensorBoard reads. */
package dev.hornbeam.training.tensorboard;
