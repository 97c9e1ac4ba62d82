package dev.hornbeam.training.data;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.UserFile;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.zip.GZIPInputStream;

/**
 * Brings a published data set onto this machine, when the user asks for it and never otherwise.
 *
 * <p>Tried in this order: files that are already here; Debian's package, where there is one and this user may install
 * it (as root, or by sudo without a password); the publisher's addresses. Downloaded content is compared with the
 * published SHA-256 before it is written. Every step is announced.
 */
public final class DataSetFetcher {
    /** Runs a program and hands on each line of what it prints. */
    @FunctionalInterface
    interface Commands {
        /** Returns the exit status. */
        int run(List<String> command, Consumer<String> output) throws IOException;
    }

    /** Opens what lies at an address. */
    @FunctionalInterface
    interface Downloads {
        InputStream open(URI address) throws IOException;
    }

    // The largest of the published files has 26 MB; more than this is not what was asked for.
    private static final int LARGEST_DOWNLOAD = 256 << 20;

    private final DataSetCatalog catalog;
    private final Commands commands;
    private final Downloads downloads;
    private final boolean root;

    /** Returns a fetcher that installs and downloads for real. */
    public static DataSetFetcher of(DataSetCatalog catalog) {
        return new DataSetFetcher(catalog, DataSetFetcher::run, DataSetFetcher::open, isRoot());
    }

    DataSetFetcher(DataSetCatalog catalog, Commands commands, Downloads downloads, boolean root) {
        this.catalog = catalog;
        this.commands = commands;
        this.downloads = downloads;
        this.root = root;
    }

    /**
     * Makes a published data set available.
     *
     * @param name its name
     * @param report gets one line for each step taken
     * @return the folder that holds its files
     * @throws UserError if it cannot be had; the message says which files to put where by hand
     */
    public Path fetch(String name, Consumer<String> report) {
        KnownDataSet set = catalog.known(name);
        Optional<Path> here = catalog.find(set.name());
        if (here.isPresent()) {
            List<DataSetCatalog.FileCheck> bad = catalog.verify(set.name()).stream()
                    .filter(check -> check.state() != DataSetCatalog.FileState.GENUINE)
                    .toList();
            if (bad.isEmpty()) {
                report.accept(set.name() + " is already in " + here.get()
                        + (set.isIdx() ? ", checksums as published." : ", with as many images as were published."));
                return here.get();
            }
            DataSetCatalog.FileCheck first = bad.getFirst();
            if (!set.isIdx()) {
                throw new UserError(set.name() + " is in " + here.get() + ", but its part " + first.name()
                        + " is not as published: " + first.detail());
            }
            throw new UserError(set.name() + " is in " + here.get() + ", but " + first.name() + " is not as published: "
                    + first.detail() + ". Delete it or choose another folder with --data FOLDER, and fetch again.");
        }
        if (!set.isIdx()) {
            return fetchArchives(set, report);
        }
        List<String> failures = new ArrayList<>();
        return install(set, report, failures)
                .or(() -> download(set, report, failures))
                .orElseThrow(() -> new UserError("cannot fetch " + set.name() + ": " + String.join("; ", failures)
                        + ". By hand: put " + String.join(".gz, ", KnownDataSet.FILES) + ".gz from "
                        + set.urls().getFirst() + " into " + catalog.downloadFolder(set)));
    }

    private Optional<Path> install(KnownDataSet set, Consumer<String> report, List<String> failures) {
        if (set.debianPackage().isEmpty()) {
            return Optional.empty();
        }
        String debianPackage = set.debianPackage().get();
        List<String> install = new ArrayList<>();
        if (!succeeds(List.of("apt-get", "--version"))) {
            failures.add("no apt-get here to install the package " + debianPackage);
            return Optional.empty();
        }
        if (!root) {
            if (!succeeds(List.of("sudo", "-n", "true"))) {
                failures.add("the package " + debianPackage + " can only be installed by root");
                return Optional.empty();
            }
            install.addAll(List.of("sudo", "-n"));
        }
        install.addAll(List.of(
                "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300", "-q", "-y"));
        List<String> update = new ArrayList<>(install);
        update.add("update");
        install.addAll(List.of("--no-install-recommends", "install", debianPackage));
        report.accept("Installing Debian's package " + debianPackage + ": " + String.join(" ", install));
        if (!succeeds(install, report)) {
            report.accept("That failed; trying again with a fresh list of packages: " + String.join(" ", update));
            if (!succeeds(update, report) || !succeeds(install, report)) {
                failures.add("installing the package " + debianPackage + " failed");
                return Optional.empty();
            }
        }
        Optional<Path> folder = catalog.find(set.name());
        if (folder.isEmpty()) {
            failures.add("the package " + debianPackage + " is installed, but its files are not in "
                    + set.packageFolder().map(Path::toString).orElse("a known folder"));
        }
        return folder;
    }

    private boolean succeeds(List<String> command) {
        return succeeds(command, line -> {});
    }

    private boolean succeeds(List<String> command, Consumer<String> report) {
        try {
            return commands.run(command, line -> report.accept("  " + line)) == 0;
        } catch (IOException e) {
            return false;
        }
    }

    private Optional<Path> download(KnownDataSet set, Consumer<String> report, List<String> failures) {
        Path folder = catalog.downloadFolder(set);
        for (URI base : set.urls()) {
            try {
                for (Map.Entry<String, String> file : set.checksums().entrySet()) {
                    URI address = base.resolve(file.getKey() + ".gz");
                    report.accept("Downloading " + address);
                    byte[] content = downloadChecked(address, file.getValue());
                    UserFile.write(folder.resolve(file.getKey() + ".gz"), content);
                }
                report.accept(set.name() + " is in " + folder + ", checksums as published.");
                return Optional.of(folder);
            } catch (IOException e) {
                // Java's client gives no message where a host is unknown or refuses.
                failures.add(base + ": " + Objects.requireNonNullElse(e.getMessage(), "no connection"));
            }
        }
        return Optional.empty();
    }

    // Each file of the publisher's to the disk, its checksum compared, archives unpacked and removed.
    private Path fetchArchives(KnownDataSet set, Consumer<String> report) {
        Path folder = catalog.downloadFolder(set);
        if (set.downloads().isEmpty()) {
            throw new UserError("cannot fetch " + set.name() + ": no program may. By hand: " + set.manual()
                    + ". Put it into " + folder);
        }
        for (KnownDataSet.Download download : set.downloads()) {
            report.accept("Downloading " + download.address());
            try {
                Files.createDirectories(folder);
                Path part = folder.resolve(download.file() + ".part");
                try {
                    store(download, part, report);
                    if (download.isArchive()) {
                        report.accept("Unpacking " + download.file());
                        Archive.unpack(part, ArchiveKind.of(download.file()).orElseThrow(), folder);
                    } else {
                        Files.move(part, folder.resolve(download.file()), StandardCopyOption.ATOMIC_MOVE);
                    }
                } finally {
                    Files.deleteIfExists(part);
                }
            } catch (IOException e) {
                throw new UserError(
                        "cannot fetch " + set.name() + ": " + download.address() + ": "
                                + Objects.requireNonNullElse(e.getMessage(), "no connection") + ". By hand: "
                                + set.manual() + ". Put it into " + folder,
                        e);
            }
        }
        return catalog.find(set.name())
                .orElseThrow(() -> new UserError("the files of " + set.name() + " were unpacked into " + folder
                        + ", but are not as expected there: "
                        + String.join(", ", set.formats().getFirst().files())));
    }

    private void store(KnownDataSet.Download download, Path file, Consumer<String> report) throws IOException {
        MessageDigest digest = ImageSet.sha256();
        try (InputStream in = downloads.open(download.address());
                OutputStream out = Files.newOutputStream(file)) {
            byte[] chunk = new byte[1 << 16];
            for (int count = in.read(chunk); count >= 0; count = in.read(chunk)) {
                digest.update(chunk, 0, count);
                out.write(chunk, 0, count);
            }
        }
        String found = HexFormat.of().formatHex(digest.digest());
        if (download.sha256().isEmpty()) {
            report.accept("Its SHA-256 is " + found + "; none is known to compare it with.");
        } else if (!found.equals(download.sha256().get())) {
            throw new IOException(
                    "wrong content: expected SHA-256 " + download.sha256().get() + ", found " + found);
        }
    }

    private byte[] downloadChecked(URI address, String expected) throws IOException {
        byte[] content;
        try (InputStream in = downloads.open(address)) {
            content = in.readNBytes(LARGEST_DOWNLOAD);
        }
        MessageDigest digest = ImageSet.sha256();
        try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(content), 1 << 16)) {
            byte[] chunk = new byte[1 << 16];
            for (int count = in.read(chunk); count >= 0; count = in.read(chunk)) {
                digest.update(chunk, 0, count);
            }
        }
        String found = HexFormat.of().formatHex(digest.digest());
        if (!found.equals(expected)) {
            throw new IOException("wrong content at " + address + ": expected SHA-256 " + expected
                    + " when decompressed, found " + found);
        }
        return content;
    }

    private static int run(List<String> command, Consumer<String> output) throws IOException {
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .start();
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            lines.lines().forEach(output);
            return process.waitFor();
        } catch (InterruptedException e) {
            process.destroy();
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while running " + command.getFirst(), e);
        }
    }

    private static InputStream open(URI address) throws IOException {
        // The stream is closed by the caller; the client ends with it.
        HttpClient client = HttpClient.newBuilder()
                .followRedirects(HttpClient.Redirect.NORMAL)
                .connectTimeout(Duration.ofSeconds(15))
                .build();
        try {
            HttpResponse<InputStream> response = client.send(
                    HttpRequest.newBuilder(address)
                            .timeout(Duration.ofSeconds(60))
                            .build(),
                    HttpResponse.BodyHandlers.ofInputStream());
            if (response.statusCode() != 200) {
                response.body().close();
                throw new IOException("the server answered " + response.statusCode());
            }
            return response.body();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private static boolean isRoot() {
        try {
            return Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
        } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
            return false;
        }
    }
}
