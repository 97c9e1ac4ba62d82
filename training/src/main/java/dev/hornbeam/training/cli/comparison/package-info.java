/**
 * Measuring beside another program: both are run in turn, as processes of their own, and what is compared is the ratio
 * within a round. docs/benchmarks.md says how to read it.
 */
package dev.hornbeam.training.cli.comparison;
