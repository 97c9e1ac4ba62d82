/** The command line program; {@link dev.hornbeam.training.cli.Hornbeam} is its root. */
package dev.hornbeam.training.cli;
