/** The networks of the five methods. */
module dev.hornbeam.models {
    requires transitive dev.hornbeam;

    exports dev.hornbeam.models;
}
