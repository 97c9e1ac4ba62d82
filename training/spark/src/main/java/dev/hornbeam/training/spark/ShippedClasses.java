package dev.hornbeam.training.spark;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;

/**
 * The jars of this program's class path that executors elsewhere are sent: all but those that every Spark has. Folders of
 * classes are packed first. Nothing is sent where the work stays in this process.
 */
final class ShippedClasses implements AutoCloseable {
    // Large ones of Spark's distribution. Whatever else is sent in vain does no harm: executors prefer Spark's own.
    private static final List<String> OF_SPARK = List.of(
            "spark-",
            "hadoop-",
            "scala-",
            "netty-",
            "rocksdbjni-",
            "leveldbjni-",
            "icu4j-",
            "zstd-jni-",
            "guava-",
            "log4j-",
            "curator-",
            "zookeeper-",
            "jackson-",
            "slf4j-");

    private final List<Path> packed = new ArrayList<>();
    private final List<String> jars = new ArrayList<>();

    private ShippedClasses() {}

    static ShippedClasses forMaster(String master) throws IOException {
        ShippedClasses classes = new ShippedClasses();
        if (!master.equals("local") && !master.startsWith("local[")) {
            for (String entry : System.getProperty("java.class.path").split(":", -1)) {
                classes.add(Path.of(entry));
            }
        }
        return classes;
    }

    private void add(Path entry) throws IOException {
        if (Files.isDirectory(entry)) {
            Path jar = Files.createTempFile("hornbeam-classes-", ".jar");
            packed.add(jar);
            pack(entry, jar);
            jars.add(jar.toString());
        } else if (Files.isRegularFile(entry)
                && OF_SPARK.stream().noneMatch(entry.getFileName().toString()::startsWith)) {
            jars.add(entry.toAbsolutePath().toString());
        }
    }

    private static void pack(Path folder, Path jar) throws IOException {
        try (OutputStream file = Files.newOutputStream(jar);
                JarOutputStream out = new JarOutputStream(file);
                Stream<Path> files = Files.walk(folder)) {
            for (Path path : files.filter(Files::isRegularFile).toList()) {
                out.putNextEntry(new JarEntry(folder.relativize(path).toString()));
                Files.copy(path, out);
                out.closeEntry();
            }
        }
    }

    String[] jars() {
        return jars.toArray(String[]::new);
    }

    @Override
    public void close() throws IOException {
        for (Path jar : packed) {
            Files.deleteIfExists(jar);
        }
    }
}
