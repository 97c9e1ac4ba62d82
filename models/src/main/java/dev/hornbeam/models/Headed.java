package dev.hornbeam.models;

/**
 * A network whose logits come out of one linear layer, its head; all before it is its body. Methods that treat the two
 * apart, and loading weights of another number of classes, find the head by this.
 */
public interface Headed {
    /** Path of the head, as in {@code fc} or {@code classifier.fc3}: what {@code module(head())} takes. */
    String head();
}
