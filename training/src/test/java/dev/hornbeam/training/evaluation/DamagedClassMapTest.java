package dev.hornbeam.training.evaluation;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.DamagedFiles;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The reader of class maps on {@link DamagedFiles}. */
final class DamagedClassMapTest {
    @Test
    void classMaps() {
        List<String> classes = List.of("cat", "dog", "great grey owl");
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("map.csv", "# folder,class\nn01,dog\nn02,great grey owl\n\nn03,0\n".getBytes(StandardCharsets.UTF_8));
        for (String folder : List.of("n01", "n02", "n03")) {
            files.put("images/" + folder + "/note.txt", new byte[] {'-'});
        }
        new DamagedFiles("class map", files, (folder, _) -> {
                    Path images = folder.resolve("images");
                    MappedClassFolder found = MappedClassFolder.open(images, folder.resolve("map.csv"), classes);
                    found.classes().values().forEach(c -> assertTrue(c >= 0 && c < classes.size()));
                    return found.classes().size();
                })
                .only(file -> file.equals("map.csv"))
                .check();
    }
}
