/** The networks that the training methods use, with the parameter names of their reference implementations. */
package dev.hornbeam.models;
