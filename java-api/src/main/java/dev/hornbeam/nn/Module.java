package dev.hornbeam.nn;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.internal.tape.Tracer;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;

/**
 * A layer or a network: a tree of modules with named parameters and buffers.
 *
 * <p>Names are those of PyTorch's {@code state_dict}: a module's own parameters and buffers first, then its children's with
 * the child's name and a dot before them, all in order of registration. A module owns its tensors and {@link #close}s them.
 *
 * <p>A module is in training mode until {@link #eval()}.
 *
 * <p>A module computes in the type of its input, unless {@link #setComputeType} says another one. Parameters and buffers are
 * f32 all the same, and so are their gradients: nothing in a {@link #stateDict()} depends on the type that was computed in.
 */
public abstract class Module implements AutoCloseable {
    private final Map<String, Module> children = new LinkedHashMap<>();
    private final Map<String, Parameter> ownParameters = new LinkedHashMap<>();
    private final Map<String, Buffer> ownBuffers = new LinkedHashMap<>();
    private boolean training = true;
    private boolean indexed;
    private DType computeType;
    private DType resultType;

    /** For subclasses. */
    protected Module() {}

    /**
     * The module's result for this input, in the type of the input unless {@link #setComputeType} says otherwise.
     *
     * <p>While no gradients are recorded ({@code Autograd.noGrad()}), all other tensors that it makes on the way are released
     * before it returns.
     */
    public final Tensor forward(Tensor x) {
        if (!releasesIntermediates()) {
            return run(x);
        }
        try (TensorScope inner = TensorScope.open()) {
            Tensor y = run(x);
            return y.scope() == inner ? y.moveTo(inner.parent()) : y;
        }
    }

    private Tensor run(Tensor x) {
        return computeType == null ? compute(x) : leave(compute(enter(x)), x);
    }

    /** What the module is: its result for an input that is of the type to compute in already. */
    protected abstract Tensor compute(Tensor x);

    /**
     * The result of modules one after the other, for use in {@link #compute}. While no gradients are recorded, each
     * intermediate result is released as soon as the next one is there; {@code x} stays.
     */
    protected static Tensor chain(Tensor x, Module... modules) {
        return chain(x, Arrays.asList(modules), Module::forward);
    }

    /** The same with another way to apply a module. */
    static <M extends Module> Tensor chain(Tensor x, Iterable<M> modules, BiFunction<M, Tensor, Tensor> apply) {
        boolean release = releasesIntermediates();
        Tensor y = x;
        for (M module : modules) {
            Tensor next = apply.apply(module, y);
            if (release && y != x && next != y && y.scope() == TensorScope.current()) {
                y.close();
            }
            y = next;
        }
        return y;
    }

    // A trace refers to tensors after they were used.
    private static boolean releasesIntermediates() {
        return !Autograd.isRecording() && !Tracer.isOn();
    }

    // ---------------------------------------------------------------------------------------------- registration

    /** Registers a child under a name without dots, and returns it. */
    protected final <M extends Module> M child(String name, M module) {
        checkName(name);
        children.put(name, module);
        return module;
    }

    /** Registers a parameter that lies in files as in memory. */
    protected final Parameter parameter(String name, Tensor value, Parameter.Role role) {
        return parameter(name, value, role, WeightLayout.SAME);
    }

    /** Registers a parameter; the module owns its tensor from now on. */
    protected final Parameter parameter(String name, Tensor value, Parameter.Role role, WeightLayout layout) {
        checkName(name);
        Parameter parameter = new Parameter(value, role, layout);
        ownParameters.put(name, parameter);
        return parameter;
    }

    /** Registers a buffer; the module owns its tensor from now on. */
    protected final Buffer buffer(String name, Tensor value) {
        checkName(name);
        Buffer buffer = new Buffer(value);
        ownBuffers.put(name, buffer);
        return buffer;
    }

    private void checkName(String name) {
        if (name.isEmpty() || name.indexOf('.') >= 0) {
            throw new IllegalArgumentException("module name \"" + name + "\" is empty or has a dot");
        }
        if (children.containsKey(name) || ownParameters.containsKey(name) || ownBuffers.containsKey(name)) {
            throw new IllegalArgumentException(
                    "module name \"" + name + "\" is taken in " + getClass().getSimpleName());
        }
    }

    // ------------------------------------------------------------------------------------------------------ tree

    /** The children by name. */
    public final Map<String, Module> children() {
        return Collections.unmodifiableMap(children);
    }

    /** This module and all below it by path, parents first; this one's path is empty. */
    public final Map<String, Module> namedModules() {
        Map<String, Module> modules = new LinkedHashMap<>();
        visit("", modules::put);
        return modules;
    }

    /** Calls back for this module and all below it, parents first; a module that is registered twice comes twice. */
    public final void apply(Consumer<Module> action) {
        visit("", (path, module) -> action.accept(module));
    }

    private void visit(String path, BiConsumer<String, Module> action) {
        action.accept(path, this);
        String prefix = path.isEmpty() ? "" : path + ".";
        children.forEach((name, child) -> child.visit(prefix + name, action));
    }

    /** The module at that path, such as {@code layer1.0.conv1}. */
    public final Module module(String path) {
        Module module = this;
        for (String name : path.isEmpty() ? new String[0] : path.split("\\.")) {
            Module next = module.children.get(name);
            if (next == null) {
                throw new IllegalArgumentException("there is no module \"" + path + "\": "
                        + module.getClass().getSimpleName() + " has " + module.children.keySet());
            }
            module = next;
        }
        return module;
    }

    /** All parameters by name, in order; one that is registered twice has its first name. */
    public final Map<String, Parameter> namedParameters() {
        Map<String, Parameter> parameters = new LinkedHashMap<>();
        Set<Parameter> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        visit("", (path, module) -> {
            String prefix = path.isEmpty() ? "" : path + ".";
            module.ownParameters.forEach((name, parameter) -> {
                if (seen.add(parameter)) {
                    parameters.put(prefix + name, parameter);
                }
            });
        });
        return parameters;
    }

    /** All parameters, in order. */
    public final List<Parameter> parameters() {
        return List.copyOf(namedParameters().values());
    }

    /** All buffers by name, in order. */
    public final Map<String, Buffer> namedBuffers() {
        Map<String, Buffer> buffers = new LinkedHashMap<>();
        visit("", (path, module) -> {
            String prefix = path.isEmpty() ? "" : path + ".";
            module.ownBuffers.forEach((name, buffer) -> buffers.put(prefix + name, buffer));
        });
        return buffers;
    }

    /** Numbers in all parameters. */
    public final long parameterCount() {
        long count = 0;
        for (Parameter parameter : parameters()) {
            count += parameter.value().elements();
        }
        return count;
    }

    // ------------------------------------------------------------------------------------------------------ mode

    /** Puts this module and all below it in training mode. Returns this module. */
    public final Module train() {
        return train(true);
    }

    /** Puts this module and all below it in evaluation mode. Returns this module. */
    public final Module eval() {
        return train(false);
    }

    /** Puts this module and all below it in training or evaluation mode. Returns this module. */
    public final Module train(boolean mode) {
        apply(module -> module.training = mode);
        return this;
    }

    /** Whether this module is in training mode. */
    public final boolean isTraining() {
        return training;
    }

    /** Stops training from changing the parameters of this module and all below it. Returns this module. */
    public final Module freeze() {
        parameters().forEach(parameter -> parameter.setTrainable(false));
        return this;
    }

    /** Lets training change the parameters of this module and all below it. Returns this module. */
    public final Module unfreeze() {
        parameters().forEach(parameter -> parameter.setTrainable(true));
        return this;
    }

    /** Releases the collected gradients of all parameters. */
    public final void zeroGrad() {
        parameters().forEach(parameter -> parameter.value().zeroGrad());
    }

    // -------------------------------------------------------------------------------------------------- compute type

    /**
     * Sets the type that this module and all below it compute in, but for modules below that have one of their own: the
     * input is cast to it, and the result back to the input's type. So a network that is told {@link DType#BF16} takes f32
     * images and gives f32 logits as ever, and keeps activations and their gradients in half the memory in between:
     *
     * <pre>{@code
     * network.setComputeType(DType.BF16);
     * network.module("layer1.0.bn1").setComputeType(DType.F32); // one norm that does not
     * }</pre>
     *
     * <p>Can be set anew at any time, also between training and evaluation. Returns this module.
     *
     * @param type {@link DType#F32} or {@link DType#BF16}; null, as at first, for that of the input
     * @throws IllegalArgumentException for another type
     */
    public final Module setComputeType(DType type) {
        return setComputeType(type, null);
    }

    /**
     * The same with a result that stays in a type of its own: for the last layer of a network, whose logits would otherwise
     * be rounded to bf16 on their way to an f32 loss.
     *
     * @param result type of the result; null for that of the input
     * @throws IllegalArgumentException for other types than f32 and bf16, and for a type of the result alone
     */
    public final Module setComputeType(DType type, DType result) {
        requireComputeType(type);
        requireComputeType(result);
        if (type == null && result != null) {
            throw new IllegalArgumentException(
                    "compute type: the result is to be " + result + ", but no type to compute in is given; name both");
        }
        computeType = type;
        resultType = result;
        return this;
    }

    private static void requireComputeType(DType type) {
        if (type != null && type != DType.F32 && type != DType.BF16) {
            throw new IllegalArgumentException("compute type is " + type
                    + "; networks compute in f32 or bf16 (in f64, for tests, by to(DType.F64))");
        }
    }

    /** The type that this module was told to compute in; null for that of its input. */
    public final DType computeType() {
        return computeType;
    }

    /** The type that this module was told to give; null for that of its input. */
    public final DType resultType() {
        return resultType;
    }

    /** Whether {@link #forward} of an input of that type casts nothing. */
    final boolean computesIn(DType type) {
        return computeType == null || (computeType == type && (resultType == null || resultType == type));
    }

    /** An input, or another argument of a forward pass, as this module computes with it; null stays null. */
    final Tensor enter(Tensor x) {
        return x == null || computeType == null ? x : x.as(computeType);
    }

    /** A result as this module gives it for that input. */
    final Tensor leave(Tensor y, Tensor x) {
        return computeType == null ? y : y.as(resultType == null ? x.dtype() : resultType);
    }

    // ------------------------------------------------------------------------------------------ what a step sets

    /**
     * Gives every parameter its number, which keys its random numbers: its place in {@link #namedParameters()}. Called on
     * the whole network; the numbers of the first call stay. Layers that draw numbers of their own are counted likewise, by
     * their place in {@link #namedModules()}.
     */
    public final void indexParameters() {
        if (indexed) {
            return;
        }
        int index = 0;
        for (Parameter parameter : namedParameters().values()) {
            parameter.setIndex(index++);
        }
        int place = 0;
        for (Module module : namedModules().values()) {
            if (module instanceof RandomLayer layer) {
                layer.setLayer(place);
            }
            place++;
        }
        indexed = true;
    }

    /**
     * Sets the noise that all layers below this one draw on their kernels and scales while they are in training mode.
     * Called on the whole network, before each step.
     *
     * @param noise null for none
     */
    public final void setWeightNoise(WeightNoise noise) {
        indexParameters();
        for (Parameter parameter : parameters()) {
            parameter.setNoise(noise);
        }
    }

    /**
     * Tells the layers that draw random numbers, such as dropout, which step this is. Called on the whole network, before
     * each step.
     *
     * @param seed the run's seed
     * @param step the training step
     * @param stream part of the step, such as the replica, below 2<sup>24</sup>
     */
    public final void setStep(long seed, int step, int stream) {
        indexParameters();
        apply(module -> {
            if (module instanceof RandomLayer layer) {
                layer.drawFor(seed, step, stream);
            }
        });
    }

    /** The same for the only part of a step. */
    public final void setStep(long seed, int step) {
        setStep(seed, step, 0);
    }

    /** Says whether batch norms in training mode update their running statistics: not in SAM's second pass. */
    public final void setUpdateRunningStatistics(boolean update) {
        apply(module -> {
            if (module instanceof BatchNorm2d norm) {
                norm.setUpdatesRunning(update);
            }
        });
    }

    /** Sets how many parts of the batch have statistics of their own in batch norms: 1 synchronises the noise's runs. */
    public final void setStatisticsGroups(int groups) {
        if (groups < 1) {
            throw new IllegalArgumentException("statistics groups are " + groups + ", but at least 1 is needed");
        }
        apply(module -> {
            if (module instanceof BatchNorm2d norm) {
                norm.setGroups(groups);
            }
        });
    }

    /**
     * Makes training keep only the inputs of a network's blocks, and compute the rest again in the backward pass: a fraction
     * of the memory for about a forward pass more, with the same bits. The blocks are the children of every {@link Sequential} that
     * have children themselves.
     */
    public final void setActivationCheckpointing(boolean enabled) {
        apply(module -> {
            if (module instanceof Sequential sequence) {
                sequence.setCheckpointing(enabled);
            }
        });
    }

    // ----------------------------------------------------------------------------------------------------- state

    /** All parameters and buffers by name, in PyTorch's order: the living tensors, not copies, laid out as in memory. */
    public final Map<String, Tensor> stateDict() {
        Map<String, Tensor> state = new LinkedHashMap<>();
        visit("", (path, module) -> {
            String prefix = path.isEmpty() ? "" : path + ".";
            module.ownParameters.forEach((name, parameter) -> state.put(prefix + name, parameter.value()));
            module.ownBuffers.forEach((name, buffer) -> state.put(prefix + name, buffer.value()));
        });
        return state;
    }

    /** How each entry of {@link #stateDict()} lies in files. */
    public final Map<String, WeightLayout> fileLayouts() {
        Map<String, WeightLayout> layouts = new LinkedHashMap<>();
        visit("", (path, module) -> {
            String prefix = path.isEmpty() ? "" : path + ".";
            module.ownParameters.forEach((name, parameter) -> layouts.put(prefix + name, parameter.layout()));
            module.ownBuffers.forEach((name, buffer) -> layouts.put(prefix + name, WeightLayout.SAME));
        });
        return layouts;
    }

    /**
     * Compares a state's names and shapes with this module's. PyTorch's {@code num_batches_tracked} is passed over.
     *
     * @param shapes sizes by name, laid out as in memory
     */
    public final LoadReport compare(Map<String, long[]> shapes) {
        List<String> missing = new ArrayList<>();
        List<String> unexpected = new ArrayList<>();
        List<String> mismatched = new ArrayList<>();
        Map<String, Tensor> own = stateDict();
        own.forEach((name, tensor) -> {
            long[] given = shapes.get(name);
            if (given == null) {
                missing.add(name);
            } else if (!Arrays.equals(given, tensor.shape())) {
                mismatched.add(name + " (" + Arrays.toString(given) + " given, " + Arrays.toString(tensor.shape())
                        + " needed)");
            }
        });
        for (String name : shapes.keySet()) {
            if (!own.containsKey(name) && !name.endsWith("num_batches_tracked")) {
                unexpected.add(name);
            }
        }
        return new LoadReport(missing, unexpected, mismatched);
    }

    /**
     * Copies a state into this module's tensors, converted to their types.
     *
     * @param state tensors by name, laid out as in memory
     * @param strict whether anything that does not fit is an error; otherwise what fits is loaded. On an error nothing is
     * @return what did not fit
     * @throws IllegalArgumentException when strict and something does not fit
     */
    public final LoadReport loadStateDict(Map<String, Tensor> state, boolean strict) {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        state.forEach((name, tensor) -> shapes.put(name, tensor.shape()));
        LoadReport report = compare(shapes);
        if (strict && !report.isClean()) {
            throw new IllegalArgumentException(
                    "the state does not fit " + getClass().getSimpleName() + ": " + report);
        }
        stateDict().forEach((name, tensor) -> {
            Tensor given = state.get(name);
            if (given != null && Arrays.equals(given.shape(), tensor.shape())) {
                tensor.copyFrom(given);
            }
        });
        return report;
    }

    // -------------------------------------------------------------------------------------------------- lifetime

    /** Moves all parameters and buffers to a device. Collected gradients are dropped. Returns this module. */
    public final Module to(Device device) {
        return replaceAll(tensor -> tensor.device().equals(device) ? null : tensor.to(device));
    }

    /**
     * Converts all floating parameters and buffers to another type, f64 for tests. Collected gradients are dropped. Training
     * in bf16 keeps them in f32 and is {@link #setComputeType}. Returns this module.
     */
    public final Module to(DType dtype) {
        return replaceAll(
                tensor -> tensor.dtype() == dtype || !tensor.dtype().isFloating() ? null : tensor.cast(dtype));
    }

    private Module replaceAll(java.util.function.UnaryOperator<Tensor> change) {
        try (var _ = TensorScope.open()) {
            for (Parameter parameter : parameters()) {
                Tensor changed = change.apply(parameter.value().detach());
                if (changed != null) {
                    parameter.replace(changed);
                }
            }
            for (Buffer buffer : namedBuffers().values()) {
                Tensor changed = change.apply(buffer.value());
                if (changed != null) {
                    buffer.replace(changed);
                }
            }
        }
        return this;
    }

    /** Releases all parameters, their gradients and all buffers. */
    @Override
    public void close() {
        Collection<Parameter> parameters = namedParameters().values();
        parameters.forEach(parameter -> parameter.value().close());
        namedBuffers().values().forEach(buffer -> buffer.value().close());
    }
}
