package dev.hornbeam.training.cli.comparison;

import java.util.List;

/**
 * A network of the peer, and ours that is the same.
 *
 * @param peer the peer's name of it
 * @param ours our name of it
 * @param difference what is not the same, in a few words; empty where all is
 */
public record NetworkPair(String peer, String ours, String difference) {
    /** The networks that docs/performance.md compares. */
    public static final List<NetworkPair> SUITE = List.of(
            same("resnet20"),
            same("resnet32"),
            same("resnet18"),
            // The peer has the final norm of DAMP's form, but kuangliu's shortcut.
            new NetworkPair(
                    "preactresnet18",
                    "preactresnet18_damp",
                    "where the shape stays, our shortcut is relu(norm(x)) and the peer's is x"),
            same("wrn-28-10"),
            same("cnn9"),
            new NetworkPair("vit-s-16", "vit-s-16", "the peer's last norm has all tokens, ours the one that is read"));

    /** The pair of the suite that has this name at the peer's, or else the network that has the same name here. */
    public static NetworkPair of(String name) {
        return SUITE.stream().filter(pair -> pair.peer.equals(name)).findFirst().orElseGet(() -> same(name));
    }

    private static NetworkPair same(String name) {
        return new NetworkPair(name, name, "");
    }
}
