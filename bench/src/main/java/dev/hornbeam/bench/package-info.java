/** Benchmarks of what Java adds to the engine, and comparisons with other programs. docs/benchmarks.md says how to run them. */
package dev.hornbeam.bench;
