/** Carries {@code libhornbeam.so} as the resource {@code dev/hornbeam/native/linux-x86_64/libhornbeam.so}; it has no code. */
module dev.hornbeam.natives {}
