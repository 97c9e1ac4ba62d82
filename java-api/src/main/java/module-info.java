/** Tensors, automatic differentiation, layers, optimizers and tensor files. */
module dev.hornbeam {
    requires dev.hornbeam.natives;
}
