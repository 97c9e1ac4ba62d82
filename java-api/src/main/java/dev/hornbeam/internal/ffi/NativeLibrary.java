package dev.hornbeam.internal.ffi;

import dev.hornbeam.tensor.HornbeamException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Set;

/**
 * Finds and loads {@code libhornbeam.so}, once.
 *
 * <p>The first of these that is set decides, and a wrong one is an error, never a reason to look further: the system
 * property {@value #PROPERTY}, the environment variable {@value #VARIABLE}, the copy inside the jar hornbeam-native. The
 * last is unpacked to a folder that only this user can write, named by the hash of the library's bytes; and with it the
 * CUDA backend where a jar has it, since the engine looks for that in its own folder.
 */
public final class NativeLibrary {
    /** System property with the library's path. */
    public static final String PROPERTY = "hornbeam.library";

    /** Environment variable with the library's path. */
    public static final String VARIABLE = "HORNBEAM_LIBRARY";

    private static final String FILE = "libhornbeam.so";
    private static final String CUDA_FILE = "libhornbeam_cuda.so";
    private static final String FOLDER = "dev/hornbeam/native/linux-x86_64/";
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rwx------");

    private static final Path PATH;
    private static final SymbolLookup SYMBOLS;
    private static final HornbeamException FAILURE;

    static {
        Path path = null;
        SymbolLookup symbols = null;
        HornbeamException failure = null;
        try {
            path = locate();
            symbols = open(path);
        } catch (HornbeamException e) {
            failure = e;
        }
        PATH = path;
        SYMBOLS = symbols;
        FAILURE = failure;
    }

    private NativeLibrary() {}

    /** The library's file, or null when none was found. */
    public static Path path() {
        return PATH;
    }

    /** Why the library could not be loaded, or null when it was. */
    public static HornbeamException failure() {
        return FAILURE;
    }

    /** A handle of the C function; one that throws the reason when there is no library. */
    static MethodHandle function(String name, FunctionDescriptor type, Linker.Option... options) {
        HornbeamException failure = FAILURE;
        if (failure == null) {
            var symbol = SYMBOLS.find(name);
            if (symbol.isPresent()) {
                return Linker.nativeLinker().downcallHandle(symbol.get(), type, options);
            }
            failure = new HornbeamException(PATH + " has no function " + name
                    + ", although its ABI number is right: build native/ again from the same sources.");
        }
        var method = type.toMethodType();
        return MethodHandles.dropArguments(
                MethodHandles.throwException(method.returnType(), HornbeamException.class)
                        .bindTo(failure),
                0,
                method.parameterList());
    }

    private static Path locate() {
        String given = System.getProperty(PROPERTY);
        String by = "the system property " + PROPERTY;
        if (given == null || given.isBlank()) {
            given = System.getenv(VARIABLE);
            by = "the environment variable " + VARIABLE;
        }
        if (given != null && !given.isBlank()) {
            Path path = Path.of(given).toAbsolutePath();
            if (!Files.isRegularFile(path)) {
                throw new HornbeamException("There is no file " + path + ", which " + by
                        + " names as Hornbeam's native library: build native/ or correct the path.");
            }
            return path;
        }
        return unpack();
    }

    private static SymbolLookup open(Path path) {
        SymbolLookup symbols;
        try {
            symbols = SymbolLookup.libraryLookup(path, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new HornbeamException(
                    "Hornbeam's native library " + path
                            + " cannot be loaded: it is damaged, made for another system, or a library that it needs is missing"
                            + " (ldd " + path + " tells which).",
                    e);
        }
        var symbol = symbols.find("hb_abi_version")
                .orElseThrow(() -> new HornbeamException(
                        path + " is not Hornbeam's native library: it has no function" + " hb_abi_version."));
        int version;
        try {
            version = (int) Linker.nativeLinker()
                    .downcallHandle(symbol, FunctionDescriptor.of(ValueLayout.JAVA_INT))
                    .invokeExact();
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (version != HornbeamNative.HEADER_VERSION) {
            throw new HornbeamException(path + " has ABI number " + version + ", but these classes need "
                    + HornbeamNative.HEADER_VERSION + ": use a library and jars of the same build.");
        }
        return symbols;
    }

    private static Path unpack() {
        checkSystem();
        byte[] engine = content(FILE);
        if (engine == null) {
            throw new HornbeamException("Hornbeam's native library is not on the class or module path (resource "
                    + FOLDER + FILE + "): add the artifact dev.hornbeam:hornbeam-native, or name a library with -D"
                    + PROPERTY + "=PATH or " + VARIABLE + ".");
        }
        byte[] cuda = content(CUDA_FILE);
        try {
            Path folder = privateFolder();
            Path home = folder.resolve(hash(engine, cuda).substring(0, 32));
            if (!Files.isDirectory(home, LinkOption.NOFOLLOW_LINKS)) {
                createPrivate(home);
            }
            if (cuda != null) {
                put(cuda, home, CUDA_FILE);
            }
            return put(engine, home, FILE);
        } catch (IOException | UnsupportedOperationException e) {
            throw new HornbeamException(
                    "Hornbeam's native library cannot be unpacked below "
                            + System.getProperty("java.io.tmpdir") + " (" + e
                            + "): make room there, choose another place with"
                            + " -Djava.io.tmpdir=DIR, or name a library with -D" + PROPERTY + "=PATH.",
                    e);
        }
    }

    /** Writes the file aside and renames it, unless it is there already. */
    private static Path put(byte[] content, Path home, String file) throws IOException {
        Path target = home.resolve(file);
        if (!holds(target, content)) {
            Path aside = Files.createTempFile(home, file, ".tmp", PosixFilePermissions.asFileAttribute(OWNER_ONLY));
            try {
                Files.write(aside, content);
                move(aside, target);
            } finally {
                Files.deleteIfExists(aside);
            }
        }
        return target;
    }

    /** What the jars have under that name; null when none has. */
    private static byte[] content(String file) {
        try (InputStream in = find(FOLDER + file)) {
            return in == null ? null : in.readAllBytes();
        } catch (IOException e) {
            throw new HornbeamException("Hornbeam's native library cannot be read from its jar: " + e.getMessage(), e);
        }
    }

    private static void checkSystem() {
        String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String machine = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
        if (!system.startsWith("linux") || !(machine.equals("amd64") || machine.equals("x86_64"))) {
            throw new HornbeamException("Hornbeam's native library is built for Linux on x86-64; this is " + system
                    + " on " + machine + ". A library that was built here can be named with -D" + PROPERTY + "=PATH.");
        }
    }

    private static InputStream find(String resource) {
        ClassLoader own = NativeLibrary.class.getClassLoader();
        InputStream in = own == null ? null : own.getResourceAsStream(resource);
        return in != null ? in : ClassLoader.getSystemResourceAsStream(resource);
    }

    /** The folder of this user's copies; a fresh one when somebody else could write to the usual one. */
    private static Path privateFolder() throws IOException {
        Path parent = Path.of(System.getProperty("java.io.tmpdir"));
        Path usual =
                parent.resolve("hornbeam-" + System.getProperty("user.name").replaceAll("[^A-Za-z0-9._-]", "_"));
        if (!Files.exists(usual, LinkOption.NOFOLLOW_LINKS)) {
            createPrivate(usual);
        }
        boolean ours = Files.isDirectory(usual, LinkOption.NOFOLLOW_LINKS)
                && Files.getPosixFilePermissions(usual, LinkOption.NOFOLLOW_LINKS)
                        .equals(OWNER_ONLY)
                && Files.getOwner(usual, LinkOption.NOFOLLOW_LINKS).equals(ownerOfNewFiles(parent));
        return ours ? usual : Files.createTempDirectory("hornbeam-", PosixFilePermissions.asFileAttribute(OWNER_ONLY));
    }

    /** Java has no call for the process's own user; a new file belongs to it. */
    private static Object ownerOfNewFiles(Path folder) throws IOException {
        Path probe = Files.createTempFile(folder, "hornbeam-", ".probe");
        try {
            return Files.getOwner(probe, LinkOption.NOFOLLOW_LINKS);
        } finally {
            Files.deleteIfExists(probe);
        }
    }

    private static void createPrivate(Path folder) throws IOException {
        try {
            Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
        } catch (java.nio.file.FileAlreadyExistsException e) {
            // Another process was faster; the caller checks what is there.
            if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
                throw e;
            }
        }
    }

    private static boolean holds(Path file, byte[] content) throws IOException {
        return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
                && Files.size(file) == content.length
                && Arrays.equals(Files.readAllBytes(file), content);
    }

    private static void move(Path from, Path to) throws IOException {
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    /** Of both libraries' bytes; {@code cuda} may be null. */
    private static String hash(byte[] engine, byte[] cuda) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(engine);
            if (cuda != null) {
                digest.update(cuda);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }
}
