/** The networks, with import of pretrained weights. */
module dev.hornbeam.models {
    requires transitive dev.hornbeam;
}
