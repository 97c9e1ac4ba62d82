/** Tensors, automatic differentiation, layers, optimizers and tensor files. */
module dev.hornbeam {
    requires dev.hornbeam.natives;

    exports dev.hornbeam.autograd;
    exports dev.hornbeam.autograd.ops;
    exports dev.hornbeam.image;
    exports dev.hornbeam.io;
    exports dev.hornbeam.nn;
    exports dev.hornbeam.optim;
    exports dev.hornbeam.profile;
    exports dev.hornbeam.tensor;
}
