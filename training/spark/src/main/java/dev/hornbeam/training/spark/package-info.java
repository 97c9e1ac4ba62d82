/** Work of the toolkit that is spread over many machines by Apache Spark. */
package dev.hornbeam.training.spark;
