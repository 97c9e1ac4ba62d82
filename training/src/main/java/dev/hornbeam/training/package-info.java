/** What all packages of training share: errors that the user can mend, files for the user, names that were mistyped. */
package dev.hornbeam.training;
