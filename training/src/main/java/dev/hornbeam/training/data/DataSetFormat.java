package dev.hornbeam.training.data;

import java.nio.file.Path;
import java.util.List;

/**
 * How the files of a published data set lie in their folder, and how they are read.
 *
 * <p>Images keep the publisher's order, which {@link ImageSet#originalIndex} counts in.
 */
interface DataSetFormat {
    /**
     * Where a set is to be read from, and as what.
     *
     * @param name of the data set
     * @param folder that holds its files
     * @param classNames known from elsewhere; empty where the files have to tell
     */
    record Request(String name, Path folder, List<String> classNames) {}

    /**
     * Returns the formats that go by that name in the descriptions of data sets, the preferred one first.
     *
     * @throws IllegalArgumentException if there is none of that name
     */
    static List<DataSetFormat> named(String name) {
        return switch (name) {
            case "idx" -> List.of(new IdxFormat());
            case "cifar-10" -> List.of(CifarFormat.BINARY_10, CifarFormat.PYTHON_10);
            case "cifar-100" -> List.of(CifarFormat.BINARY_100, CifarFormat.PYTHON_100);
            case "cifar-100-coarse" -> List.of(CifarFormat.BINARY_100_COARSE, CifarFormat.PYTHON_100_COARSE);
            case "svhn" -> List.of(new SvhnFormat());
            case "stl-10" -> List.of(new Stl10Format());
            case "tiny-imagenet" -> List.of(new TinyImageNetFormat());
            case "imagenet" -> List.of(ClassFolders.imageNet());
            case "imagenet-30" -> List.of(new ImageNet30Format());
            case "caltech-256" -> List.of(ClassFolders.caltech256());
            case "aircraft" -> List.of(ListedFormat.AIRCRAFT);
            case "cub" -> List.of(ListedFormat.CUB);
            case "cars" -> List.of(ListedFormat.CARS);
            case "dogs" -> List.of(ListedFormat.DOGS);
            case "flowers" -> List.of(ListedFormat.FLOWERS);
            case "indoor" -> List.of(ListedFormat.INDOOR);
            default -> throw new IllegalArgumentException(name);
        };
    }

    /** Returns the formats that are tried on a folder that the user named, in this order; class folders come last. */
    static List<DataSetFormat> ofFolders() {
        return List.of(
                new IdxFormat(),
                CifarFormat.BINARY_10,
                CifarFormat.PYTHON_10,
                CifarFormat.BINARY_100,
                CifarFormat.PYTHON_100,
                new SvhnFormat(),
                new Stl10Format(),
                new TinyImageNetFormat(),
                ListedFormat.AIRCRAFT,
                ListedFormat.CUB,
                ListedFormat.CARS,
                ListedFormat.DOGS,
                ListedFormat.FLOWERS,
                ListedFormat.INDOOR,
                new ImageNet30Format(),
                ClassFolders.any());
    }

    /** Returns files and folders that must be there, relative to the data set's folder, for messages. */
    List<String> files();

    /** Tells whether the folder holds a set in this format. */
    boolean isIn(Path folder);

    /**
     * Returns the set, whose parts are read when they are asked for.
     *
     * @throws dev.hornbeam.training.UserError if the files are not as published
     */
    DataSet open(Request request);
}
