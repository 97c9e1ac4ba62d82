/** Random numbers of several distributions, drawn one after the other from Philox streams. */
package dev.hornbeam.training.random;
