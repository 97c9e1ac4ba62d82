package dev.hornbeam.training.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.UserError;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Fetching with programs and servers that only exist in this test. */
final class DataSetFetcherTest {
    @TempDir
    private Path folder;

    private Path original;
    private Path packageFolder;
    private Path data;
    private final List<String> commands = new ArrayList<>();
    private final List<String> report = new ArrayList<>();

    @BeforeEach
    void makeFiles() throws IOException {
        original = folder.resolve("original");
        packageFolder = folder.resolve("package");
        data = folder.resolve("data");
        TestImages.writeIdxSet(original, false);
    }

    private DataSetFetcher fetcher(
            boolean hasPackage, boolean root, DataSetFetcher.Commands run, DataSetFetcher.Downloads open) {
        KnownDataSet tiny =
                DataSetCatalogTest.tiny(original, "tiny", hasPackage ? Optional.of(packageFolder) : Optional.empty());
        DataSetCatalog catalog = DataSetCatalog.of(data, Map.of()).withKnown(Map.of("tiny", tiny));
        DataSetFetcher.Commands recorded = (command, output) -> {
            commands.add(String.join(" ", command));
            return run.run(command, output);
        };
        return new DataSetFetcher(catalog, recorded, open, root);
    }

    private static InputStream offline(URI address) throws IOException {
        throw new ConnectException("no route to " + address.getHost());
    }

    private InputStream server(URI address) throws IOException {
        if (address.getPath().startsWith("/one/")) {
            throw new IOException("the server answered 404");
        }
        String name = Path.of(address.getPath()).getFileName().toString().replace(".gz", "");
        return new ByteArrayInputStream(TestImages.gzip(Files.readAllBytes(original.resolve(name))));
    }

    private static int none(List<String> command) throws IOException {
        throw new IOException("no such program: " + command.getFirst());
    }

    @Test
    void filesThatAreHereAreNotFetchedAgain() throws IOException {
        TestImages.writeIdxSet(data.resolve("tiny"), true);
        Path found = fetcher(true, true, (command, output) -> none(command), DataSetFetcherTest::offline)
                .fetch("tiny", report::add);
        assertEquals(data.resolve("tiny"), found);
        assertEquals(List.of("tiny is already in " + found + ", checksums as published."), report);
        assertEquals(List.of(), commands);
    }

    @Test
    void damagedFilesAreNotTakenForTheDataSet() throws IOException {
        TestImages.writeIdxSet(data, false);
        Files.write(data.resolve(KnownDataSet.TEST_LABELS), TestImages.idx(new byte[4], 4));
        UserError error = assertThrows(
                UserError.class,
                () -> fetcher(true, true, (command, output) -> none(command), DataSetFetcherTest::offline)
                        .fetch("tiny", report::add));
        assertTrue(error.getMessage().contains("t10k-labels-idx1-ubyte is not as published"), error.getMessage());
    }

    @Test
    void rootInstallsThePackage() throws IOException {
        Path found = fetcher(
                        true,
                        true,
                        (command, output) -> {
                            if (command.contains("install")) {
                                output.accept("Setting up dataset-tiny");
                                TestImages.writeIdxSet(packageFolder, true);
                            }
                            return 0;
                        },
                        DataSetFetcherTest::offline)
                .fetch("tiny", report::add);
        assertEquals(packageFolder, found);
        String install = "env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -q -y"
                + " --no-install-recommends install dataset-tiny";
        assertEquals(List.of("apt-get --version", install), commands);
        assertEquals(
                List.of("Installing Debian's package dataset-tiny: " + install, "  Setting up dataset-tiny"), report);
    }

    @Test
    void othersInstallThePackageThroughSudo() throws IOException {
        int[] installs = {0};
        Path found = fetcher(
                        true,
                        false,
                        (command, output) -> {
                            // The first try fails for want of a list of packages.
                            if (command.contains("install") && ++installs[0] == 2) {
                                TestImages.writeIdxSet(packageFolder, true);
                            }
                            return command.contains("install") && installs[0] == 1 ? 100 : 0;
                        },
                        DataSetFetcherTest::offline)
                .fetch("tiny", report::add);
        assertEquals(packageFolder, found);
        assertEquals(5, commands.size());
        assertEquals("sudo -n true", commands.get(1));
        assertTrue(commands.get(2).startsWith("sudo -n env") && commands.get(2).endsWith("install dataset-tiny"));
        assertTrue(commands.get(3).startsWith("sudo -n env") && commands.get(3).endsWith(" update"));
        assertEquals(commands.get(2), commands.get(4));
    }

    @Test
    void withoutAPackageThePublisherIsAsked() throws IOException {
        Path found = fetcher(true, false, (command, output) -> none(command), this::server)
                .fetch("tiny", report::add);
        assertEquals(data.resolve("tiny"), found);
        try (var files = Files.list(found)) {
            assertEquals(4, files.count());
        }
        assertTrue(report.contains("Downloading https://example.org/two/" + KnownDataSet.TRAIN_IMAGES + ".gz"));
        report.clear();
        DataSetFetcher again = fetcher(false, false, (command, output) -> none(command), DataSetFetcherTest::offline);
        assertEquals(found, again.fetch("tiny", report::add));
        assertEquals(List.of("tiny is already in " + found + ", checksums as published."), report);
    }

    @Test
    void wrongContentIsNotWritten() {
        UserError error = assertThrows(
                UserError.class,
                () -> fetcher(
                                false,
                                false,
                                (command, output) -> none(command),
                                address -> new ByteArrayInputStream(TestImages.gzip(new byte[] {1, 2, 3})))
                        .fetch("tiny", report::add));
        assertTrue(error.getMessage().contains("wrong content at https://example.org/two/"), error.getMessage());
        assertFalse(Files.exists(data));
    }

    @Test
    void offlineTheMessageSaysWhatToPutWhere() {
        UserError error = assertThrows(
                UserError.class,
                () -> fetcher(true, false, (command, output) -> none(command), DataSetFetcherTest::offline)
                        .fetch("tiny", report::add));
        assertEquals(
                "cannot fetch tiny: no apt-get here to install the package dataset-tiny; https://example.org/one/: no route"
                        + " to example.org; https://example.org/two/: no route to example.org. By hand: put"
                        + " train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz,"
                        + " t10k-labels-idx1-ubyte.gz from https://example.org/one/ into " + data.resolve("tiny"),
                error.getMessage());
    }

    private static byte[] tarGz(Map<String, byte[]> files) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (var tar = new TarArchiveOutputStream(new GZIPOutputStream(bytes))) {
            for (Map.Entry<String, byte[]> file : files.entrySet()) {
                TarArchiveEntry entry = new TarArchiveEntry(file.getKey());
                entry.setSize(file.getValue().length);
                tar.putArchiveEntry(entry);
                tar.write(file.getValue());
                tar.closeArchiveEntry();
            }
        }
        return bytes.toByteArray();
    }

    private static KnownDataSet birds(byte[] archive) {
        return new KnownDataSet(
                "birds",
                "a few birds",
                List.of(),
                List.of("birds/CUB"),
                Optional.empty(),
                Optional.empty(),
                List.of(),
                Map.of(),
                "cub",
                Map.of("train", 2),
                List.of(new KnownDataSet.Download(
                        URI.create("https://example.org/birds.tgz"),
                        Optional.of(HexFormat.of().formatHex(ImageSet.sha256().digest(archive))))),
                "catch them yourself");
    }

    @Test
    void archivesAreCheckedAndUnpacked() throws IOException {
        Map<String, byte[]> files = new LinkedHashMap<>();
        PublishedFiles.birds().forEach((name, content) -> files.put("CUB/" + name, content));
        byte[] archive = tarGz(files);
        DataSetCatalog catalog = DataSetCatalog.of(folder, Map.of()).withKnown(Map.of("birds", birds(archive)));
        List<String> lines = new ArrayList<>();
        DataSetFetcher damaged = new DataSetFetcher(
                catalog, (_, _) -> 1, _ -> new ByteArrayInputStream(archive, 0, archive.length - 1), true);
        UserError error = assertThrows(UserError.class, () -> damaged.fetch("birds", lines::add));
        assertTrue(error.getMessage().contains("wrong content: expected SHA-256"), error.getMessage());
        assertTrue(error.getMessage().contains("catch them yourself"), error.getMessage());
        assertFalse(Files.exists(folder.resolve("birds/birds.tgz.part")));

        DataSetFetcher fetcher = new DataSetFetcher(catalog, (_, _) -> 1, _ -> new ByteArrayInputStream(archive), true);
        assertEquals(folder.resolve("birds/CUB"), fetcher.fetch("birds", lines::add));
        assertEquals(2, catalog.load("birds").train().size());
        assertEquals(
                DataSetCatalog.FileState.GENUINE,
                catalog.verify("birds").getFirst().state());
    }

    // A sparse file would be written out as zeros, as many as it claims: 2^60 here.
    @Test
    void sparseAndNamelessFilesOfArchivesAreRefused() throws IOException {
        byte[] tar = PublishedFiles.archive(ArchiveKind.TAR);
        byte[] sparse = tar.clone();
        sparse[156] = 'S';
        Arrays.fill(sparse, 257, 512, (byte) 0);
        System.arraycopy("ustar  ".getBytes(StandardCharsets.ISO_8859_1), 0, sparse, 257, 7);
        System.arraycopy("00000000001".getBytes(StandardCharsets.ISO_8859_1), 0, sparse, 386, 11);
        System.arraycopy("00000000003".getBytes(StandardCharsets.ISO_8859_1), 0, sparse, 398, 11);
        System.arraycopy("77777777777".getBytes(StandardCharsets.ISO_8859_1), 0, sparse, 483, 11);
        assertEquals("the archive has a sparse file; expected plain ones", refusal(withChecksum(sparse)));
        byte[] nameless = tar.clone();
        Arrays.fill(nameless, 0, 100, (byte) 0);
        nameless[0] = '.';
        assertEquals("the archive has a file without a name", refusal(withChecksum(nameless)));
    }

    private static byte[] withChecksum(byte[] tar) {
        Arrays.fill(tar, 148, 156, (byte) ' ');
        int sum = 0;
        for (int i = 0; i < 512; i++) {
            sum += tar[i] & 0xff;
        }
        byte[] octal = String.format("%06o\0", sum).getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(octal, 0, tar, 148, 7);
        return tar;
    }

    private String refusal(byte[] tar) throws IOException {
        Path file = Files.write(folder.resolve("damaged.tar"), tar);
        return assertThrows(IOException.class, () -> Archive.unpack(file, ArchiveKind.TAR, folder.resolve("inside")))
                .getMessage();
    }

    @Test
    void archivesCannotLeaveTheirFolder() throws IOException {
        Path file = Files.write(folder.resolve("bad.tgz"), tarGz(Map.of("../outside.txt", new byte[] {1})));
        IOException error =
                assertThrows(IOException.class, () -> Archive.unpack(file, ArchiveKind.TGZ, folder.resolve("inside")));
        assertTrue(error.getMessage().contains("outside its folder"), error.getMessage());
        assertFalse(Files.exists(folder.resolve("outside.txt")));
    }
}
