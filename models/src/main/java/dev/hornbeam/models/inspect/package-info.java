/** What a network costs: parameters, arithmetic, memory. */
package dev.hornbeam.models.inspect;
