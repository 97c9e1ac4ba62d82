/**
 * Running a training: its configuration and recipes, the loop, and what a run leaves behind: metrics, summary, report.
 */
package dev.hornbeam.training.run;
