/** How sharp the minimum is that training found: worst loss nearby, curvature, and the loss along random directions. */
package dev.hornbeam.training.sharpness;
