/** Studies: many runs that together answer a question, planned, carried out and written up by one command. */
package dev.hornbeam.training.study;
